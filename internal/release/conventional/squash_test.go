package conventional

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAll(t *testing.T) {
	tests := []struct {
		name, message string
		want          []string // headers, with the breaking notes
	}{
		{"one", "feat: x\n\n* fix: not a squashed pull request", []string{"feat: x"}},
		{"GitHub", "feat: x (#12)\n\n* feat: a\n\nwhy a\n\nBREAKING CHANGE: b\n\n* wip\n\n* fix(api): c\n\n---------\n\nCo-authored-by: Z <z@example.com>", []string{
			"feat: x (#12)", "feat: a | b", "fix(api): c",
		}},
		{"GitHub, one commit", "feat: x (#12)\n\n* feat: x", []string{"feat: x (#12)"}},
		{"GitHub, breaking under a bullet that is none", "feat: x (#12)\n\n* wip\n\nBREAKING CHANGE: y", []string{"feat: x (#12) | y"}},
		{"GitHub, title is no header", "Add x (#12)\n\n* feat: a\n* fix: b", []string{"feat: a", "fix: b"}},
		{"fenced", "feat: x (#1)\n\n```\n* fix: b\n```", []string{"feat: x (#1)"}},
		{"Azure DevOps", "Merged PR 7: feat!: x\n\n* fix: b", []string{"feat!: x (#7) | x (#7)", "fix: b"}},
		{"Bitbucket", "Merged in x/y (pull request #3)\n\nfeat: a\n\n* fix: b", []string{"feat: a", "fix: b"}},
		{"git merge --squash", "Squashed commit of the following:\n\ncommit 0123456789\nAuthor: A <a@x>\nDate:   today\n\n    feat: a\n    \n    BREAKING CHANGE: b\n\ncommit abcdef0123\nAuthor: A <a@x>\n\n    fix: c\n", []string{
			"feat: a | b", "fix: c",
		}},
		{"git revert", "Revert \"feat!: x\"\n\nThis reverts commit 0123456789.", []string{"revert: feat!: x"}},
		{"git revert on GitHub", "Revert \"feat!: x\" (#12)", []string{"revert: feat!: x"}},
		{"git revert of a revert", "Revert \"Revert \"feat!: x\"\"", []string{"feat!: x | x"}},
		{"Reapply", "Reapply \"feat!: x\"\n\nThis reverts commit 0123456789.", []string{"feat!: x | x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			commits, err := ParseAll(tt.message)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range commits {
				header := c.Header()
				for _, note := range c.BreakingNotes() {
					header += " | " + note
				}
				got = append(got, header)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseAllSaysWhatItCannotRead(t *testing.T) {
	commits, err := ParseAll("Add x (#12)\n\n* feat: a")
	if err != nil {
		t.Fatal(err)
	}
	if len(commits[0].Warnings) != 1 {
		t.Errorf("warnings %v, want one about the title", commits[0].Warnings)
	}
	for _, message := range []string{"Squashed commit of the following:", "Merged in a (pull request #1)", "Reapply \"x\"", "Add x (#12)\n\n* y"} {
		if commits, err := ParseAll(message); err == nil {
			t.Errorf("ParseAll(%q) = %v, want an error", message, commits)
		}
	}
}

func TestReverts(t *testing.T) {
	tests := []struct {
		message string
		want    []string
	}{
		{"Revert \"feat: x\"\n\nThis reverts commit 676104e676104e676104e676104e676104e676104e.", []string{"676104e676104e676104e676104e676104e676104e"}},
		{"revert: noodles\n\nRefs: 676104e, a215868", []string{"676104e", "a215868"}},
		{"revert: noodles\n\nThis reverts commits 676104e, a215868 and b215868.", []string{"676104e", "a215868", "b215868"}},
		{"Revert \"Merge branch 'x'\"\n\nThis reverts commit 676104e, reversing\nchanges made to a215868.", []string{"676104e"}},
		{"fix: x\n\nRefs: 676104e", nil},
		{"feat: revert things", nil},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, Reverts(tt.message)); diff != "" {
			t.Errorf("Reverts(%q) (-want +got):\n%s", tt.message, diff)
		}
	}
}

func TestPullRequestAt(t *testing.T) {
	for text, want := range map[string]string{
		"fix: it (#12)":               "fix: it ",
		"fix: it (!7)":                "fix: it ",
		"Merged it (pull request #3)": "Merged it ",
		"(#1)":                        "",
		"fix: it (#)":                 "fix: it (#)",
		"fix: it (#12) again":         "fix: it (#12) again",
		"fix: call f(12)":             "fix: call f(12)",
		"fix: it (#1२)":               "fix: it (#1२)",
		"":                            "",
	} {
		got := text
		if at := pullRequestAt(text); at >= 0 {
			got = text[:at]
		}
		if got != want {
			t.Errorf("before the number of %q is %q, want %q", text, got, want)
		}
	}
}
