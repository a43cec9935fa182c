package validation

import (
	"context"

	"github.com/davit-dev/davit"
)

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
