package engine

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A server that has no record of an environment takes nothing down there before it
// was told to deploy: what runs may be another's.
func TestFreshServerTakesNothingDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.promoted(request("v1", blueGreen))
		b.stop()
		b.store = newMemory()
		b.boot()
		b.store.setFail(errSimulated)
		if _, err := b.engine.Deploy(t.Context(), request("v2", blueGreen)); !errors.Is(err, errSimulated) {
			t.Fatalf("a deployment that cannot be recorded got %v", err)
		}
		time.Sleep(10 * time.Minute)
		b.serves("v1")
		if split := b.world.split(); len(split) != 1 {
			t.Errorf("traffic is %s", split)
		}
	})
}
