package release

import (
	"slices"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
)

// FuzzParseVersion checks that what is read as a version is written as it was.
func FuzzParseVersion(f *testing.F) {
	for _, seed := range []string{"1.2.3", "1.2.3-beta.1", "01.2.3", "1.2", "1.2.3+b", "99999999999999999999.0.0", "1.2.3-", "1.2.3-01"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVersion(s)
		if err != nil {
			return
		}
		if v.String() != s || v.Compare(v) != 0 {
			t.Errorf("%q is read as %q", s, v)
		}
		if quick, ok := parseStable(s); ok != (v.Pre == "" && !longNumber(s)) || ok && quick != v {
			t.Errorf("%q is read as %q quickly: %t", s, quick, ok)
		}
		for _, bump := range []davit.Bump{davit.BumpPatch, davit.BumpMinor, davit.BumpMajor} {
			if next := v.Next(bump); next.Compare(v.Core()) <= 0 {
				t.Errorf("%s does not follow %s", next, v)
			}
		}
	})
}

// longNumber reports whether a number has more digits than are read quickly.
func longNumber(s string) bool {
	return slices.ContainsFunc(strings.Split(s, "."), func(number string) bool { return len(number) > 18 })
}

// FuzzLineOf checks that no name of a branch is a range that no version can be in.
func FuzzLineOf(f *testing.F) {
	for _, seed := range []string{"main", "1.x", "v1.2.x", "release/1.x", "feature/2.x", "99999999999999999999.2.x", "1.99999999999999999999.x", "hotfix/1.x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, branch string) {
		l := lineOf(branch, nil)
		if l.minor != nil && l.major == nil {
			t.Fatalf("%q has a minor version of no major one", branch)
		}
		if err := l.check(branch, nil, Version{Major: 3, Minor: 4}); err != nil && davit.ErrorCode(err) != davit.CodeRefused {
			t.Errorf("%q: %v", branch, err)
		}
		if strings.HasPrefix(branch, "feature/") && (l.major != nil || l.known) {
			t.Errorf("%q is taken for a maintenance branch", branch)
		}
	})
}
