package main

import (
	"strings"
	"testing"
)

// TestSegmentHistory takes a segment back to what it was, once it was changed and once
// it was removed.
func TestSegmentHistory(t *testing.T) {
	newSite(t, `{blueGreen: {}}`)
	mustRun(t, "deploy", "staging", "v1") // starts a server
	segment := func(args ...string) string {
		t.Helper()
		return mustRun(t, append([]string{"flag", "segment"}, args...)...)
	}
	segment("set", "beta", "--include", "anna")
	segment("set", "beta", "--include", "bo", "--include", "carl", "--reason", "anna left")
	if out := segment("revert", "beta", "--to", "1", "--dry-run"); !strings.Contains(out, "anna") {
		t.Errorf("dry run: %s", out)
	}
	if out := segment("revert", "beta", "--to", "1"); !strings.Contains(out, "segment beta: 1 by name (revision 3)") {
		t.Error(out)
	}
	segment("delete", "beta")
	if out := segment("revert", "beta", "--to", "2", "--reason", "too soon"); !strings.Contains(out, "segment beta: 2 by name (revision 5)") {
		t.Error(out)
	}
	out := segment("history", "beta")
	for _, want := range []string{"too soon", "segment.delete  -", "back to revision 1", "anna left"} {
		if !strings.Contains(out, want) {
			t.Errorf("the history lacks %q:\n%s", want, out)
		}
	}
	if r := runDavit(t, "flag", "segment", "revert", "beta", "--to", "9"); r.code != exitUsage {
		t.Errorf("to a revision that never was: exit code %d %s", r.code, r.stderr)
	}
}
