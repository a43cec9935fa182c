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
			if i.User != "" {
				x.expect(i.User != "0", "user of "+i.ID, i.User, "another than 0, which is root")
			}
		}
		if len(x.evidence) == 0 {
			return skip("the platform does not tell as whom instances run")
		}
		return nil
	})}
}

// identityArtifact compares what the platform sees running with what was pinned
// when the release was made, and scanned.
func identityArtifact() []Check {
	return []Check{define(Check{
		ID: "identity.artifact", Category: Identity, Severity: davit.Required,
		Proves: "instances run the artifact whose digest the release pins",
		Hint:   "what runs did not come out of the release: deploy it again, and find out how it got there",
	}, none{}, func(ctx context.Context, x *exam, _ none) error {
		instances, err := x.instances(ctx)
		if err != nil {
			return err
		}
		for _, i := range instances {
			if pinned := x.Release.Artifacts[i.Service]; pinned != "" && i.Artifact != "" {
				x.expect(i.Artifact == pinned, "artifact of "+i.ID, i.Artifact, pinned)
			}
		}
		if len(x.evidence) == 0 {
			return skip("the release pins no artifact, or the platform does not tell what runs")
		}
		return nil
	})}
}
