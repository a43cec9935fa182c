package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/validation"
)

// validateAgain is how long the judge rests after a validation that told
// nothing.
const validateAgain = time.Second

// judgeValidation returns the judge that runs the validation suite against the
// candidate, once in every stage. As long as nothing can be told it tries again.
func judgeValidation(p *platforms) engine.Judge {
	return func(ctx context.Context, g davit.Gate, s engine.Subject, report func(davit.Outcome, string, any)) {
		var params davit.ValidationParams
		err := json.Unmarshal(g.Params, &params)
		suite, newErr := validation.New(params)
		if err = errors.Join(err, newErr); err != nil {
			report(davit.Inconclusive, "the parameters of gate "+g.Name+": "+err.Error(), nil)
			return
		}
		for {
			outcome, reason, evidence := validateCandidate(ctx, suite, p, s)
			if ctx.Err() != nil {
				return
			}
			report(outcome, reason, evidence)
			if outcome != davit.Inconclusive {
				return
			}
			select {
			case <-time.After(validateAgain):
			case <-ctx.Done():
				return
			}
		}
	}
}

// validateCandidate runs the suite once.
func validateCandidate(ctx context.Context, suite *validation.Suite, p *platforms, s engine.Subject) (davit.Outcome, string, any) {
	target, err := candidateTarget(ctx, p, s)
	if err == nil {
		err = answering(ctx, target)
	}
	if err == nil {
		err = validation.Reach(ctx, target)
	}
	if err != nil { // Davit's own matter, or the instances gate's
		return davit.Inconclusive, err.Error(), nil
	}
	found, err := suite.Run(ctx, target)
	if err != nil {
		return davit.Inconclusive, err.Error(), nil
	}
	reason := found.Conclusion()
	if faults := found.Faults(); faults != "" {
		reason = faults
	}
	return found.Verdict(), reason, found
}

// candidateTarget describes the candidate in its stage: reached by its header
// before the switch, as users reach it afterwards.
func candidateTarget(ctx context.Context, p *platforms, s engine.Subject) (*validation.Target, error) {
	share := s.Stage.State.Split[s.Release.ID]
	door, err := findDoor(ctx, s.Release, s.Platform.Router)
	if err != nil {
		return nil, err
	}
	t := door.Target
	t.Environment, t.Version, t.Release = s.Release.Environment, s.Release.Version, s.Release
	t.Shared = share > 0 && share < davit.Whole
	t.Instances = s.Platform.Runtime.Instances
	for _, id := range slices.Sorted(maps.Keys(s.Stage.State.Run)) {
		if id != s.Release.ID {
			t.Stable = id
		}
	}
	if c, ok := s.Platform.Runtime.(engine.Carrier); ok {
		t.Carry = c.Carry
	}
	if r, ok := s.Platform.Runtime.(replacer); ok && share < davit.Whole {
		t.Replace = r.Replace
	}
	if share < davit.Whole {
		if err := door.choose(s.Release.ID); err != nil {
			return nil, err
		}
	}
	t.Logs = func(ctx context.Context, each func(string) bool) error {
		query := api.LogQuery{Application: s.Release.Application, Environment: s.Release.Environment, Release: string(s.Release.ID), Follow: true}
		err := p.Logs(ctx, query, func(l api.LogLine) error {
			if !each(l.Text) {
				return errEnough
			}
			return nil
		})
		if errors.Is(err, errEnough) {
			return nil
		}
		return err
	}
	return t, nil
}

// replacer is a Runtime that can have one instance replaced by another.
type replacer interface {
	Replace(ctx context.Context, instance string) (davit.Departure, error)
}

// errEnough ends the reading of logs.
var errEnough = errors.New("enough was read")

// answering returns an error when a service of the release has no instance that
// could answer: whoever answers then is Davit.
func answering(ctx context.Context, t *validation.Target) error {
	instances, err := t.Instances(ctx)
	if err != nil {
		return fmt.Errorf("listing the instances: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Release.Config.Services)) {
		ready := func(i davit.Instance) bool {
			return i.Release == t.Release.ID && i.Service == name && i.Condition == davit.Ready
		}
		if t.Release.Config.Services[name].Traffic && !slices.ContainsFunc(instances, ready) {
			return fmt.Errorf("no instance of %s is ready", name)
		}
	}
	return nil
}
