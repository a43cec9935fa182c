package engine

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/davit-dev/davit"
)

// claiming is a runtime that others reach too.
type claiming struct {
	Runtime
	claim func(context.Context) error
}

func (c claiming) Claim(ctx context.Context) error { return c.claim(ctx) }

// What another server runs is left alone: neither deployed to nor adopted, and no record
// says that it was.
func TestAnothersEnvironmentIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.stop()
		others := true
		b.claim = func(context.Context) error {
			if others {
				return &davit.Error{Code: davit.CodeRefused, Message: "it is another's"}
			}
			return nil
		}
		b.boot()
		req := request("v1", blueGreen)
		_, deployed := b.engine.Deploy(t.Context(), req)
		_, adopted := b.engine.Adopt(t.Context(), AdoptRequest{
			Application: req.Application, Environment: req.Environment, Platform: req.Platform, Version: req.Version, Config: req.Config, Actor: req.Actor,
		})
		for what, err := range map[string]error{"Deploy": deployed, "Adopt": adopted} {
			if davit.ErrorCode(err) != davit.CodeRefused {
				t.Errorf("%s: %v, want a refusal", what, err)
			}
		}
		if all := b.world.all(); len(all) > 0 {
			t.Errorf("there are instances: %v", all)
		}
		if rollouts := b.store.rollouts; len(rollouts) > 0 {
			t.Errorf("there are records of rollouts: %v", rollouts)
		}
		if _, err := b.engine.Propose(t.Context(), req); err != nil {
			t.Errorf("a plan changes nothing, and got %v", err)
		}
		others = false
		b.promoted(req)
	})
}
