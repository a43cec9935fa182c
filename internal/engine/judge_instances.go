package engine

import (
	"context"
	"fmt"

	"github.com/davit-dev/davit"
)

// judgeInstances passes while every instance of the candidate is ready, and
// fails when one will not become ready by waiting.
func judgeInstances(ctx context.Context, _ davit.Gate, s Subject, report func(davit.Outcome, string, any)) {
	changes := s.Platform.Runtime.Watch(ctx)
	for ctx.Err() == nil {
		instances, err := s.Platform.Runtime.Instances(ctx)
		if err != nil {
			report(davit.Inconclusive, "listing the instances: "+err.Error(), nil)
		} else {
			outcome, reason := instancesOf(instances, s)
			report(outcome, reason, nil)
		}
		select {
		case <-changes:
		case <-ctx.Done():
		}
	}
}

func instancesOf(instances []davit.Instance, s Subject) (davit.Outcome, string) {
	if f := failed(instances, s.Release.ID); f != "" {
		return davit.Fail, f
	}
	ready, want := 0, s.Stage.State.Run[s.Release.ID].Total()
	for _, i := range instances {
		if i.Release == s.Release.ID && i.Condition == davit.Ready {
			ready++
		}
	}
	if ready < want {
		return davit.Inconclusive, fmt.Sprintf("%d of %d instances are ready", ready, want)
	}
	return davit.Pass, fmt.Sprintf("all %d instances are ready", want)
}
