package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

// picky is a router that does not take version v2.
type picky struct{ Router }

var errPicky = errors.New("not beside v1")

func (picky) Check(_ context.Context, from, to *davit.Release) error {
	if from != nil && to.Version == "v2" {
		return errPicky
	}
	return nil
}

// What the router could not route is refused when it is asked for.
func TestUnroutableReleaseIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		platform := Platform{Runtime: b.world, Router: picky{b.world}, Metrics: b.world}
		propose := func(version string, stable *davit.Release) error {
			req := request(version, davit.Policy{Strategy: davit.Strategy{Kind: davit.KindBlueGreen}})
			release, err := davit.NewRelease(req.Application, req.Environment, req.Version, nil, req.Config, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.engine.propose(t.Context(), platform, req, release, stable)
			return err
		}
		stable := &davit.Release{ID: "v1-1", Version: "v1", Config: request("v1", davit.Policy{}).Config}
		if err := errors.Join(propose("v2", nil), propose("v3", stable)); err != nil {
			t.Error(err)
		}
		if err := propose("v2", stable); !errors.Is(err, errPicky) {
			t.Errorf("v2 got %v", err)
		}
	})
}
