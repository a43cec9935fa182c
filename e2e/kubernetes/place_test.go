//go:build e2e && linux

package kubernetes

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/davit-dev/davit/e2e/rig"
)

// place is a namespace of one test.
type place struct {
	*testing.T
	rig.Space
	failures *failures
}

// failures are what was said of a test that fails, to be said again after all that the
// cluster has to say: who sees only the end of it should see them.
type failures struct {
	mu  sync.Mutex
	all []string
}

func (f *failures) note(failure string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, failure)
}

// Errorf fails the test, as [testing.T.Errorf] does.
func (p *place) Errorf(format string, args ...any) {
	p.Helper()
	p.failures.note(fmt.Sprintf(format, args...))
	p.T.Errorf(format, args...)
}

// Fatalf fails the test and ends it, as [testing.T.Fatalf] does.
func (p *place) Fatalf(format string, args ...any) {
	p.Helper()
	p.failures.note(fmt.Sprintf(format, args...))
	p.T.Fatalf(format, args...)
}

// newPlace makes a namespace that goes with the test. When the test failed, it
// shows what the cluster says.
func newPlace(t *testing.T) *place {
	t.Helper()
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(strings.TrimPrefix(t.Name(), "Test")))
	const longest = 50 // with the random end, within the 63 of a name
	p := &place{T: t, Space: rig.Space{Name: fmt.Sprintf("davit-%.*s-%04x", longest-len("davit-"), name, rand.IntN(1<<16))}, failures: &failures{}}
	p.must(p.Make(t.Context()))
	t.Cleanup(func() {
		if t.Failed() {
			for _, what := range []string{"deployments,pods,httproutes", "events --sort-by=.metadata.creationTimestamp"} {
				out, err := p.Kubectl(context.Background(), append([]string{"get"}, strings.Fields(what)...)...)
				t.Logf("%s\n%v", out, err)
			}
			t.Logf("it failed: %s", strings.Join(p.failures.all, "\n"))
		}
		if err := p.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// must ends the test when there is an error.
func (p *place) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatalf("%v", err)
	}
}

// kubectl runs kubectl in the place, and returns what it prints.
func (p *place) kubectl(args ...string) string {
	p.Helper()
	out, err := p.Kubectl(p.Context(), args...)
	p.must(err)
	return out
}

// front returns the front door.
func (p *place) front() rig.Front {
	p.Helper()
	front, err := rig.FindFront(p.Context())
	p.must(err)
	return front
}

// until waits until the answer is nil.
func (p *place) until(what string, ask func(context.Context) error) {
	p.Helper()
	p.must(rig.Until(p.Context(), what, ask))
}
