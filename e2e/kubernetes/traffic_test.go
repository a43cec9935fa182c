//go:build e2e && linux

package kubernetes

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/davit-dev/davit/internal/load"
)

// traffic is load on the front door.
type traffic struct {
	*load.Generator
	place *place
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// begin starts traffic to the shop at a rate of requests a second: half of it
// product lists and half orders, a fifth on new connections.
func (p *place) begin(rate float64, front string) *traffic {
	p.Helper()
	generator, err := load.New(load.Options{
		Target: "http://" + front, Rate: rate, Fresh: 0.2, ReleaseHeader: "Shop-Version", Prefix: p.namespace,
		Mix: []load.Request{
			{Method: "GET", Path: "/api/products", Expect: "Brass compass", Weight: 1},
			{Method: "POST", Path: "/api/orders", Body: `{"key":"{key}","product":"Oilskin"}`, Expect: `"key":"{key}"`, Weight: 1},
		},
	})
	if err != nil {
		p.Fatal(err)
	}
	t := &traffic{Generator: generator, place: p}
	ctx, cancel := context.WithCancel(context.WithoutCancel(p.Context()))
	t.stop = cancel
	t.done.Go(func() { generator.Run(ctx) })
	p.Cleanup(t.end)
	return t
}

// end stops the traffic and waits for the last answer. It may be called again.
func (t *traffic) end() {
	t.stop()
	t.done.Wait()
}

// settle waits until n more requests were answered or lost.
func (t *traffic) settle(n int64) {
	t.place.Helper()
	finished := func() int64 { s := t.Snapshot(); return s.Answered + s.TotalLost() }
	from := finished()
	t.place.until(fmt.Sprintf("%d requests are answered", n), func(context.Context) error {
		if now := finished(); now < from+n {
			return fmt.Errorf("%d are", now-from)
		}
		return nil
	})
}

// answersOn returns what asks whether a path of the front door answers as it
// should.
func answersOn(front, path string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+front+path, http.NoBody)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", path, response.Status)
		}
		return nil
	}
}
