package validation

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/davit-dev/davit"
)

// securityTransport are about plain HTTP beside HTTPS.
func securityTransport() []Check {
	return []Check{
		tlsCheck(Check{
			ID: "security.https-redirect", Severity: davit.Required,
			Proves: "who comes by plain HTTP is sent on to HTTPS",
			Hint:   "redirect all of port 80 with 301 or 308; set where plain HTTP is with: {url: http://…}",
		}, urlParams{}, httpsRedirect),
		tlsCheck(Check{
			ID: "security.hsts", Severity: davit.Advisory,
			Proves: "browsers come by HTTPS alone from the first visit on",
			Hint:   "send Strict-Transport-Security: max-age=31536000",
		}, hstsParams{"/", 180}, hsts),
	}
}

type urlParams struct {
	URL string `json:"url,omitempty"` // the port 80 of the same host when left out
}

func (p *urlParams) check() error {
	if u, err := url.Parse(p.URL); err != nil || p.URL != "" && u.Scheme != "http" {
		return errors.New("url is to be one of plain HTTP: http://…")
	}
	return nil
}

func httpsRedirect(ctx context.Context, x *exam, p urlParams) error {
	if p.URL == "" && x.base.Port() != "" && x.base.Port() != "443" {
		return skip("HTTPS is not on its own port, so that plain HTTP may be anywhere; set with: {url: http://…}")
	}
	at := x.front()
	at.managed = false
	at.base = &url.URL{Scheme: "http", Host: x.base.Hostname(), Path: "/"}
	if p.URL != "" {
		at.base, _ = url.Parse(p.URL) // check has read it
	}
	a, err := x.get(ctx, at, "/")
	if err != nil {
		return err
	}
	held := a.StatusCode >= 300 && a.StatusCode < 400 && strings.HasPrefix(a.Header.Get("Location"), "https://")
	x.expect(held, a.asked, a.Status+", "+headerText("Location", a.Header.Values("Location")), "a redirect to https://")
	return nil
}

type hstsParams struct {
	Path string `json:"path"`
	Days int    `json:"days"` // that it holds at least
}

func (p *hstsParams) check() error { return checkPath(p.Path) }

func hsts(ctx context.Context, x *exam, p hstsParams) error {
	a, err := x.get(ctx, x.front(), p.Path)
	if err != nil {
		return err
	}
	age := 0
	for directive := range strings.SplitSeq(a.Header.Get("Strict-Transport-Security"), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if strings.EqualFold(name, "max-age") {
			_, _ = fmt.Sscanf(strings.Trim(value, `"`), "%d", &age) // 0 when it is no number
		}
	}
	x.expect(age >= p.Days*24*60*60, a.asked, headerText("Strict-Transport-Security", a.Header.Values("Strict-Transport-Security")),
		fmt.Sprintf("max-age of %d days or more", p.Days))
	return nil
}
