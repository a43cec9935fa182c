package validation

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/davit-dev/davit"
)

// exchange is a request and what its answer is to be.
type exchange struct {
	Method string            `json:"method,omitempty"` // GET when left out
	Path   string            `json:"path"`
	Send   map[string]string `json:"send,omitempty"` // headers of the request
	Body   string            `json:"body,omitempty"` // of the request
	expectation
}

func (e *exchange) check() error {
	if err := checkPath(e.Path); err != nil {
		return err
	}
	return e.compile()
}

func (e *exchange) request() request {
	header := http.Header{}
	for name, value := range e.Send {
		header.Set(name, value)
	}
	return request{method: e.Method, path: e.Path, header: header, body: e.Body}
}

type requestsParams struct {
	Requests []exchange `json:"requests"`
}

func (p *requestsParams) check() error {
	if len(p.Requests) == 0 {
		return errors.New("there is no request")
	}
	// The defaults are shared by all who bind them.
	p.Requests = append([]exchange(nil), p.Requests...)
	for i := range p.Requests {
		if err := p.Requests[i].check(); err != nil {
			return fmt.Errorf("request %d: %w", i+1, err)
		}
	}
	return nil
}

// functionalRequests asks what users ask.
func functionalRequests() []Check {
	return []Check{define(Check{
		ID: "functional.requests", Category: Functional, Severity: davit.Required,
		Proves: "requests are answered as they should be: status, headers, body, JSON, schema",
		Hint:   "the evidence shows what came; davit logs shows why",
	}, requestsParams{[]exchange{{Path: "/"}}}, func(ctx context.Context, x *exam, p requestsParams) error {
		if err := x.page(ctx, p.Requests[0].Path); err != nil {
			return err
		}
		for _, e := range p.Requests {
			a, err := x.ask(ctx, x.front(), e.request())
			if err != nil {
				return err
			}
			e.judge(x, a)
		}
		return nil
	})}
}
