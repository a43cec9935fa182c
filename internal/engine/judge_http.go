package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/davit-dev/davit"
)

// httpBodyLimit bounds how much of an answer is looked at, in bytes.
const httpBodyLimit = 1 << 20

// askAgain is how long an http gate rests after all instances answered well:
// what was well once may not stay so.
const askAgain = time.Second

// judgeHTTP asks every instance of the service at its own address, again and
// again: a balanced address would hide the instance that is ill.
func judgeHTTP(ctx context.Context, g davit.Gate, s Subject, report func(davit.Outcome, string, any)) {
	p, ok := params[davit.HTTPParams](g, report)
	if !ok {
		return
	}
	client := &http.Client{
		Timeout:       p.Timeout.D(),
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	carrier, carried := s.Platform.Runtime.(Carrier)
	clientOf := func(i davit.Instance) *http.Client {
		if !carried {
			return client
		}
		c := *client
		c.Transport = carrier.Carry(i)
		return &c
	}
	changes := s.Platform.Runtime.Watch(ctx)
	rest := time.NewTimer(askAgain)
	defer rest.Stop()
	for {
		outcome, reason, evidence := askAll(ctx, clientOf, s, p)
		if ctx.Err() != nil {
			return
		}
		report(outcome, reason, evidence)
		rest.Reset(askAgain)
		select {
		case <-rest.C:
		case <-changes:
		case <-ctx.Done():
			return
		}
	}
}

func askAll(ctx context.Context, clientOf func(davit.Instance) *http.Client, s Subject, p davit.HTTPParams) (davit.Outcome, string, any) {
	instances, err := readyOf(ctx, s, p.Service)
	if err != nil {
		return davit.Inconclusive, "listing the instances: " + err.Error(), nil
	}
	if len(instances) == 0 {
		return davit.Inconclusive, fmt.Sprintf("no instance of %s is ready", p.Service), nil
	}
	for _, i := range instances {
		said, err := askPatiently(ctx, clientOf(i), i.Address, p)
		if _, between := errors.AsType[*davit.Error](err); between {
			return davit.Inconclusive, err.Error(), nil
		}
		if err != nil {
			return davit.Fail, err.Error(), said
		}
	}
	return davit.Pass, fmt.Sprintf("%d instances of %s answered %d", len(instances), p.Service, p.Status), nil
}

func readyOf(ctx context.Context, s Subject, service string) ([]davit.Instance, error) {
	all, err := s.Platform.Runtime.Instances(ctx)
	return slices.DeleteFunc(all, func(i davit.Instance) bool {
		return i.Release != s.Release.ID || i.Service != service || i.Condition != davit.Ready
	}), err
}

// answer is the evidence of a check that failed.
type answer struct {
	URL    string `json:"url"`
	Status int    `json:"status,omitempty"`
	Body   string `json:"body,omitempty"` // its start
}

// askPatiently asks until the answer is right or the retries are used up. The
// pause between tries grows from 50 ms to 1 s.
func askPatiently(ctx context.Context, client *http.Client, address string, p davit.HTTPParams) (answer, error) {
	pause := 50 * time.Millisecond
	for try := 0; ; try++ {
		said, err := ask(ctx, client, address, p)
		if err == nil || try >= p.Retries {
			return said, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return said, ctx.Err()
		}
		pause = min(2*pause, time.Second)
	}
}

func ask(ctx context.Context, client *http.Client, address string, p davit.HTTPParams) (answer, error) {
	said := answer{URL: "http://" + address + p.Path}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, said.URL, http.NoBody)
	if err != nil {
		return said, err
	}
	res, err := client.Do(req)
	if err != nil {
		return said, err
	}
	defer res.Body.Close() //nolint:errcheck // nothing is written
	body, err := io.ReadAll(io.LimitReader(res.Body, httpBodyLimit))
	if err != nil {
		return said, fmt.Errorf("reading the answer of %s: %w", said.URL, err)
	}
	const start = 200
	said.Status, said.Body = res.StatusCode, string(body[:min(len(body), start)])
	switch {
	case res.StatusCode != p.Status:
		return said, fmt.Errorf("%s answered %d, want %d", said.URL, res.StatusCode, p.Status)
	case !strings.Contains(string(body), p.Body):
		return said, fmt.Errorf("%s answered without %q", said.URL, p.Body)
	}
	return said, nil
}
