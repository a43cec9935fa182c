package validation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// nowhere is a path that no application has.
const nowhere = "/davit-validate/no-such-page"

// functionalProtocol hold the application to what HTTP says.
func functionalProtocol() []Check {
	return []Check{
		define(Check{
			ID: "functional.not-found", Category: Functional, Severity: davit.Advisory,
			Proves: "what is not there is answered with 404, not with a page and not with an error of the server",
			Hint:   "answer unknown paths with 404; a page made by scripts can do that below its own paths",
		}, pathParams{nowhere}, func(ctx context.Context, x *exam, p pathParams) error {
			a, err := x.get(ctx, x.front(), p.Path)
			if err != nil {
				return err
			}
			x.expect(a.StatusCode == http.StatusNotFound || a.StatusCode == http.StatusGone, a.asked, a.String(), "status 404")
			return nil
		}),
		define(Check{
			ID: "functional.method", Category: Functional, Severity: davit.Advisory,
			Proves: "a method that is not known is refused, with 405 and Allow or with 501",
			Hint:   "route by method too, and list those that are known in Allow",
		}, methodParams{"/", "DAVIT"}, methodRefused),
		define(Check{
			ID: "functional.head", Category: Functional, Severity: davit.Advisory,
			Proves: "HEAD is answered as GET is, without the body",
			Hint:   "answer HEAD where GET is answered: monitors and caches ask so",
		}, pathParams{"/"}, headLikeGet),
		define(Check{
			ID: "functional.request-id", Category: Functional, Severity: davit.Advisory,
			Proves: "a request's ID comes back with the answer, at the front door and from every instance",
			Hint:   "answer with the X-Request-Id of the request, and log it: so one request can be followed",
		}, requestIDParams{"/", "X-Request-Id"}, requestIDEchoed),
	}
}

type methodParams struct {
	Path   string `json:"path"`
	Method string `json:"method"` // one that changes nothing if it is understood after all
}

func (p *methodParams) check() error { return checkPath(p.Path) }

func methodRefused(ctx context.Context, x *exam, p methodParams) error {
	if err := x.page(ctx, p.Path); err != nil {
		return err
	}
	a, err := x.ask(ctx, x.front(), request{method: p.Method, path: p.Path})
	if err != nil {
		return err
	}
	refused := []int{http.StatusBadRequest, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotImplemented}
	x.expect(slices.Contains(refused, a.StatusCode), a.asked, a.String(), "status 405 or 501")
	if a.StatusCode == http.StatusMethodNotAllowed {
		x.expect(a.Header.Get("Allow") != "", a.asked, headerText("Allow", a.Header.Values("Allow")), "Allow with the methods that are known")
	}
	return nil
}

func headLikeGet(ctx context.Context, x *exam, p pathParams) error {
	get, err := x.get(ctx, x.front(), p.Path)
	if err != nil {
		return err
	}
	head, err := x.ask(ctx, x.front(), request{method: http.MethodHead, path: p.Path})
	if err != nil {
		return err
	}
	x.expect(head.StatusCode == get.StatusCode, head.asked, head.Status, get.Status)
	kind := get.Header.Get("Content-Type")
	x.expect(head.Header.Get("Content-Type") == kind, head.asked, headerText("Content-Type", head.Header.Values("Content-Type")), kind)
	return nil
}

type requestIDParams struct {
	Path   string `json:"path"`
	Header string `json:"header"`
}

func (p *requestIDParams) check() error { return checkPath(p.Path) }

func requestIDEchoed(ctx context.Context, x *exam, p requestIDParams) error {
	places, err := x.everywhere(ctx)
	if err != nil {
		return err
	}
	for _, at := range places {
		id := newRequestID()
		a, err := x.ask(ctx, at, request{path: p.Path, header: http.Header{p.Header: {id}}})
		if err != nil {
			return err
		}
		came := a.Header.Get(p.Header)
		x.expect(came == id, fmt.Sprintf("%s with %s: %s", a.asked, p.Header, id), headerText(p.Header, a.Header.Values(p.Header)), id)
	}
	return nil
}

// functionalRedirects follow no redirect, but look where it leads.
func functionalRedirects() []Check {
	return []Check{define(Check{
		ID: "functional.redirects", Category: Functional, Severity: davit.Required,
		Proves: "redirects lead where they should",
		Hint:   "the evidence shows where it leads",
	}, redirectsParams{Redirects: []redirect{}}, func(ctx context.Context, x *exam, p redirectsParams) error {
		if len(p.Redirects) == 0 {
			return skip("no redirect is described; describe some with: {redirects: [{from: /old, to: /new}]}")
		}
		for _, r := range p.Redirects {
			a, err := x.get(ctx, x.front(), r.From)
			if err != nil {
				return err
			}
			status := a.StatusCode == r.Status || r.Status == 0 && a.StatusCode >= 300 && a.StatusCode < 400
			location := a.Header.Get("Location")
			x.expect(status && (location == r.To || strings.TrimPrefix(location, x.base.Scheme+"://"+a.Request.Host) == r.To), a.asked,
				a.Status+", "+headerText("Location", a.Header.Values("Location")), strings.TrimPrefix(fmt.Sprintf("%d Location: %s", r.Status, r.To), "0 "))
		}
		return nil
	})}
}

type redirect struct {
	From   string `json:"from"`
	To     string `json:"to"`               // Location, or its path on the same host
	Status int    `json:"status,omitempty"` // 0: any redirect
}

type redirectsParams struct {
	Redirects []redirect `json:"redirects"`
}

func (p *redirectsParams) check() error {
	for _, r := range p.Redirects {
		if err := checkPath(r.From); err != nil || r.To == "" {
			return errors.New("a redirect needs a path in from, and to")
		}
	}
	return nil
}
