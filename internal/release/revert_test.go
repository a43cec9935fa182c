package release_test

import "testing"

func TestRevertsByPullRequest(t *testing.T) {
	tests := []struct {
		name     string
		messages []string // the tag v1.0.0 is before them
		want     string
	}{
		{"GitHub's button", []string{"fix: stays", "feat: x (#11)", "Revert \"feat: x\" (#12)\n\nReverts o/r#11"}, "1.0.1"},
		{"after a merge", []string{"fix: stays", "Merge pull request #11 from o/x\n\nfeat: x", "Revert \"feat: x\" (#12)\n\nReverts o/r#11"}, "1.0.1"},
		{"of what is released", []string{"Revert \"feat: x\" (#12)\n\nReverts o/r#11"}, "1.0.1"},
		{"of another number", []string{"feat: x (#111)", "Revert \"feat: x\" (#12)\n\nReverts o/r#11"}, "1.1.0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.commit("x")
			w.git("tag", "v1.0.0")
			w.commit(tt.messages...)
			if got := w.version(""); got != tt.want {
				t.Errorf("next is %q, want %q", got, tt.want)
			}
		})
	}
}

func TestBodiesThatSpeakOfReverts(t *testing.T) {
	for _, begin := range []string{"feat: y", "feat: y (#3)\n\n* fix: z", "refactor: y"} {
		w := newWorld(t)
		w.commit("x")
		w.git("tag", "v1.0.0")
		feature := w.commit("feat: x")
		w.commit(begin + "\n\nThis reverts commit " + feature + ", they asked, and we did not.")
		if got := w.version(""); got != "1.1.0" {
			t.Errorf("with %q next is %q, want 1.1.0", begin, got)
		}
	}
}
