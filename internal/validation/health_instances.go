package validation

import (
	"context"
	"fmt"

	"github.com/davit-dev/davit"
)

// healthInstances look at the instances behind the balanced address, which
// hides the one that is ill.
func healthInstances() []Check {
	return []Check{
		define(Check{
			ID: "health.instances", Category: Health, Severity: davit.Required,
			Proves: "every instance is ready, and answers at its own address",
			Hint:   "davit status shows the instances, davit logs what they wrote",
		}, pathParams{Path: "/"}, everyInstance),
		define(Check{
			ID: "health.restarts", Category: Health, Severity: davit.Required,
			Proves: "no instance was restarted since it began",
			Hint:   "davit logs shows the last words of the process that ended",
		}, none{}, noRestarts),
	}
}

// everyInstance asks every instance. Any answer below 500 will do: what is
// asked for may be another service's.
func everyInstance(ctx context.Context, x *exam, p pathParams) error {
	instances, err := x.instances(ctx)
	if err != nil {
		return err
	}
	for _, i := range instances {
		x.expect(i.Condition == davit.Ready, "condition of "+i.ID, conditionOf(i), string(davit.Ready))
		if i.Address == "" || i.Condition != davit.Ready {
			continue
		}
		a, err := x.get(ctx, x.at(i), p.Path)
		if err != nil {
			return err
		}
		x.expect(a.StatusCode < 500, i.ID+": "+a.asked, a.String(), "an answer below 500")
	}
	x.summarize("%d instances answer", len(instances))
	return nil
}

func conditionOf(i davit.Instance) string {
	if i.Reason == "" {
		return string(i.Condition)
	}
	return fmt.Sprintf("%s (%s)", i.Condition, i.Reason)
}

func noRestarts(ctx context.Context, x *exam, _ none) error {
	instances, err := x.instances(ctx)
	if err != nil {
		return err
	}
	for _, i := range instances {
		x.expectf(i.Restarts == 0, "restarts of "+i.ID, "0", "%d", i.Restarts)
	}
	x.summarize("%d instances run since they began", len(instances))
	return nil
}
