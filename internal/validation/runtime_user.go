package validation

import (
	"context"

	"github.com/davit-dev/davit"
)

// runtimeUser wants instances to have no power over their machine.
func runtimeUser() []Check {
	return []Check{define(Check{
		ID: "runtime.user", Category: Runtime, Severity: davit.Advisory,
		Proves: "instances do not run as root",
		Hint:   "run davit serve, or the container, as a user of its own",
	}, none{}, func(ctx context.Context, x *exam, _ none) error {
		instances, err := x.instances(ctx)
		if err != nil {
			return err
		}
		for _, i := range instances {
			switch {
			case i.User != "":
				x.expect(i.User != "0", "user of "+i.ID, i.User, "another than 0, which is root")
			case i.Setup != nil && i.Setup.NonRoot:
				x.expect(true, "user of "+i.ID, "the image's, and not started if that is root", "another than 0, which is root")
			}
		}
		if len(x.evidence) == 0 {
			return skip("the platform does not tell as whom instances run")
		}
		return nil
	})}
}
