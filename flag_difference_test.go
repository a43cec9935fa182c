package davit_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit"
)

// TestFlagDifference tells what was added, removed and changed, and where.
func TestFlagDifference(t *testing.T) {
	was := davit.Flag{Key: "k", Type: davit.FlagBoolean, Variants: davit.BooleanVariants(), Owner: "anna", Tags: []string{"a", "b"}}
	is := was
	is.Owner, is.Tags, is.Description = "", []string{"a", "c"}, "new"
	is.Environments = map[string]davit.FlagSettings{"production": {Enabled: true}}
	got, err := was.Difference(is)
	if err != nil {
		t.Fatal(err)
	}
	want := []davit.FlagDifference{
		{Path: "description", After: json.RawMessage(`"new"`)},
		{Path: "environments.production", After: json.RawMessage(`{"default":{},"enabled":true}`)},
		{Path: "owner", Before: json.RawMessage(`"anna"`)},
		{Path: "tags[1]", Before: json.RawMessage(`"b"`), After: json.RawMessage(`"c"`)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if again, err := is.Difference(is); err != nil || len(again) != 0 {
		t.Errorf("a flag differs from itself: %v (%v)", again, err)
	}
}
