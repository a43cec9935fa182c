package validation

import (
	"context"
	"testing"

	"github.com/davit-dev/davit"
)

func TestUser(t *testing.T) {
	kept := &davit.Setup{NonRoot: true}
	for name, c := range map[string]struct {
		user  string
		setup *davit.Setup
		want  Outcome
	}{
		"a number":                    {"1000", nil, Passed},
		"root":                        {"0", nil, Failed},
		"root that is not started":    {"0", kept, Failed},
		"the image's, but never root": {"", kept, Passed},
		"the image's":                 {"", &davit.Setup{}, Skipped},
		"not told":                    {"", nil, Skipped},
	} {
		target := newApplication(t, "").target()
		target.Instances = func(context.Context) ([]davit.Instance, error) {
			return []davit.Instance{{ID: "web-1", Release: releaseID, Condition: davit.Ready, User: c.user, Setup: c.setup}}, nil
		}
		if r := results(t, target, davit.ValidationParams{Checks: []string{"runtime.user"}})["runtime.user"]; r.Outcome != c.want {
			t.Errorf("%s: %s, want %s: %s", name, r.Outcome, c.want, r.Reason)
		}
	}
}
