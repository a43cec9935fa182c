package conventional

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse checks what holds for every message: a place inside the message
// for every problem, and a commit that says the same again when its header is
// parsed again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"feat(api)!: x\n\nbody\n\nBREAKING CHANGE: y\n\nmore\nRefs #1", "fix: x\r\n\r\ny", "Revert \"feat: x\"\n\nThis reverts commit 0123456.",
		"Squashed commit of the following:\n\ncommit 0123456\n\n    feat: x", "feat: x (#1)\n\n* fix: y", "```\n~~~\n", "feat：x", "\xff: \xfe", "Merged PR 1: x",
		"Merged in a (pull request #1)\n\n", "x: y\n\nBREAKING CHANGE:\n\nBREAKING CHANGE:\nx",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		lines := splitLines(message)
		within := func(p Problem) {
			if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > utf8.RuneCountInString(lines[p.Line-1])+1 {
				t.Errorf("%q: %v is not in the message", message, p)
			}
		}
		c, err := Parse(message)
		if err != nil {
			problem, ok := errors.AsType[*Problem](err)
			if !ok {
				t.Fatalf("%q: %v is no problem with a place", message, err)
			}
			within(*problem)
		} else {
			for _, p := range c.Warnings {
				within(p)
			}
			again, err := Parse(c.Header())
			if err != nil || again.Header() != c.Header() {
				t.Errorf("%q: header %q is read again as %q, %v", message, c.Header(), again.Header(), err)
			}
			if c.Type == "" || c.Description == "" || strings.Contains(c.Description, "\n") {
				t.Errorf("%q: %+v", message, c)
			}
		}
		Reverts(message)
	})
}

// FuzzParseAll checks that whatever a message holds there is a commit or a
// problem, each at a place inside the message, and no commit that cannot be
// read again.
func FuzzParseAll(f *testing.F) {
	for _, seed := range squashedSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		lines := splitLines(message)
		within := func(line, column int) {
			if line < 1 || line > len(lines) || column < 1 || column > utf8.RuneCountInString(lines[line-1])+len(" (#1)") {
				t.Errorf("%q: %d:%d is not in the message", message, line, column)
			}
		}
		commits, err := ParseAll(message)
		if err != nil {
			problem, ok := errors.AsType[*Problem](err)
			if !ok {
				t.Fatalf("%q: %v is no problem with a place", message, err)
			}
			within(problem.Line, problem.Column)
			return
		}
		if len(commits) == 0 {
			t.Errorf("%q: neither a commit nor an error", message)
		}
		for _, c := range commits {
			within(c.Line, c.Column)
			for _, w := range c.Warnings {
				within(w.Line, w.Column)
			}
			if _, err := Parse(c.Header()); err != nil {
				t.Errorf("%q: the header %q cannot be read: %v", message, c.Header(), err)
			}
		}
	})
}

func squashedSeeds() []string {
	return []string{
		"feat: x (#1)\n\n* fix:  y\n\n  b\n* wip\n---------\n\nBREAKING CHANGE: z", "\n\nMerged PR 12: fix : x\n\n* feat: y",
		"Merged in a (pull request #1)\n\nfix: x\nb", "Squashed commit of the following:\n\ncommit 0123456\nAuthor: A\n\n    fix:  x\n    \n    BREAKING CHANGES: y",
		"Revert \"Revert \"feat x\"\" (#3)\n\nbreaking change: x", "Squashed commit of the following:\n\ncommit 0123456\ncommit 0123457", "Reapply \"feat:  x\"", "\r\n\r\nfix: x (#1)\r\n\r\n* a: b",
	}
}

// TestProblemsOfPartsHaveTheirPlace checks that what is wrong in a part of a
// squashed commit is told at the place where it stands.
func TestProblemsOfPartsHaveTheirPlace(t *testing.T) {
	tests := []struct {
		message string
		want    []string
	}{
		{"feat: x (#1)\n\nabout\n* fix:  y\n\n* docs: z\nno blank", []string{"4:8 5", "7:1 6"}},
		{"Add it (#1)\n\n* feat: x", []string{"1:4 1"}},
		{"\n\nMerged PR 12: fix:  x\n\n* feat: y", []string{"3:20 5"}},
		{"Merged PR 12: fix : x", []string{"1:18 1"}},
		{"Merged in a (pull request #1)\n\nfix: x\nb", []string{"4:1 6"}},
		{"Squashed commit of the following:\n\ncommit 0123456\nAuthor: A\n\n    feat: x\n\ncommit 0123457\n\n    fix x\n    fix: y\n", []string{"10:8 1"}},
		{"Squashed commit of the following:\n\ncommit 0123456\n\n    feat: x\n    \n    body\n    BREAKING CHANGE: y", []string{"8:5 8"}},
		{"Revert \"Revert \"feat x\"\"", []string{"1:21 1"}},
		{"Revert \" \"", []string{"1:9 5"}},
		{"Reapply \"fix:  x\"\nbody", []string{"1:15 5", "2:1 6"}},
	}
	for _, tt := range tests {
		commits, err := ParseAll(tt.message)
		var got []string
		add := func(p Problem) { got = append(got, fmt.Sprintf("%d:%d %d", p.Line, p.Column, p.Rule)) }
		if problem, ok := errors.AsType[*Problem](err); ok {
			add(*problem)
		}
		for _, c := range commits {
			for _, w := range c.Warnings {
				add(w)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q: problems at %v, want %v", tt.message, got, tt.want)
		}
	}
}
