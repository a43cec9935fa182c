package davit_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit"
)

// TestFlagTakeOver changes what a flag says about one environment, and leaves the
// definitions that it is made of alone.
func TestFlagTakeOver(t *testing.T) {
	on, off := davit.FlagSettings{Enabled: true}, davit.FlagSettings{Off: "off"}
	was := davit.Flag{Key: "k", Owner: "anna", ClientSide: true, Environments: map[string]davit.FlagSettings{"production": on, "staging": on}}
	from := davit.Flag{Key: "k", Description: "new", Environments: map[string]davit.FlagSettings{"staging": off, "elsewhere": on}}
	want := davit.Flag{Key: "k", Description: "new", ClientSide: true, Environments: map[string]davit.FlagSettings{"production": on, "staging": off}}
	if diff := cmp.Diff(want, was.TakeOver(from, "staging")); diff != "" {
		t.Error(diff)
	}
	from.Environments = nil
	want.Environments = map[string]davit.FlagSettings{"production": on}
	if diff := cmp.Diff(want, was.TakeOver(from, "staging")); diff != "" {
		t.Errorf("with nothing about the environment:\n%s", diff)
	}
	if len(was.Environments) != 2 || was.Environments["staging"].Off != "" {
		t.Errorf("the flag itself is %+v now", was)
	}
	if got := (davit.Flag{}).TakeOver(want, "production"); len(got.Environments) != 1 {
		t.Errorf("of a flag that was not there: %+v", got)
	}
}
