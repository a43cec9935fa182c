package conventional

import (
	"errors"
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
		if all, err := ParseAll(message); err == nil && len(all) == 0 {
			t.Errorf("%q: neither a commit nor an error", message)
		}
		Reverts(message)
	})
}
