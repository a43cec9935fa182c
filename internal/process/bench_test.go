package process

import (
	"context"
	"os"
	"testing"

	"github.com/davit-dev/davit"
)

// BenchmarkDeclareReady measures the time from a declaration to the readiness
// of two instances of a program that listens at once.
func BenchmarkDeclareReady(b *testing.B) {
	h, err := Open(b.Context(), Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	r := h.Environment("shop", "bench")
	service := davit.Service{Name: "web", Command: []string{os.Args[0]}, Traffic: true, Env: map[string]string{programVariable: "http"}}
	release, err := davit.NewRelease("shop", "bench", "v1", nil, davit.ReleaseConfig{Services: map[string]davit.Service{"web": service}}, h.config.Now())
	if err != nil {
		b.Fatal(err)
	}
	reach := func(n int) {
		if err := r.Declare(b.Context(), release, davit.Size{"web": n}); err != nil {
			b.Fatal(err)
		}
		if err := until(context.Background(), r, func(all []davit.Instance) bool { return are(all, n, davit.Ready) }); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		reach(2)
		b.StopTimer()
		reach(0)
		b.StartTimer()
	}
	if err := h.Close(); err != nil {
		b.Fatal(err)
	}
}
