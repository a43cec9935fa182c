//go:build e2e

package kubernetes

import (
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// Watches that stay open and show nothing more are noticed by what is written, and
// begun anew.
func TestStaleWatches(t *testing.T) {
	b := newBench(t)
	b.node()
	r := web(t, "v1")
	b.declare(r, davit.Size{"web": 1})
	b.until("one ready", func(all []davit.Instance) bool { return are(all, 1, davit.Ready) })
	b.api.swallow()
	began := time.Now()
	b.declare(r, davit.Size{"web": 2})
	if took := time.Since(began); took < staleAfter {
		t.Errorf("it took %s: the watches were not swallowed", took)
	}
	b.until("two ready", func(all []davit.Instance) bool { return are(all, 2, davit.Ready) })
}
