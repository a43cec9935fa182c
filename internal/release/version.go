package release

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/davit-dev/davit"
)

// Version is a version by SemVer 2.0.0. Build metadata is not kept: it has no
// part in precedence, so two tags could claim one version.
type Version struct {
	Major, Minor, Patch uint64
	Pre                 string // "beta.2"; "" for a stable version
}

// ParseVersion reads "1.2.3" or "1.2.3-beta.1", without a prefix.
func ParseVersion(s string) (Version, error) {
	if v, ok := parseStable(s); ok {
		return v, nil
	}
	v := "v" + s
	core, _, _ := strings.Cut(s, "-")
	parts := strings.Split(core, ".")
	if !semver.IsValid(v) || semver.Build(v) != "" || len(parts) != 3 {
		return Version{}, fmt.Errorf("%q is no semantic version", s)
	}
	var numbers [3]uint64
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 63)
		if err != nil {
			return Version{}, fmt.Errorf("%q is no semantic version: %w", s, err)
		}
		numbers[i] = n
	}
	return Version{numbers[0], numbers[1], numbers[2], strings.TrimPrefix(semver.Prerelease(v), "-")}, nil
}

// parseStable reads three numbers without anything else, as nearly all tags are:
// there may be thousands of them.
func parseStable(s string) (v Version, ok bool) {
	numbers, at := [3]*uint64{&v.Major, &v.Minor, &v.Patch}, 0
	for i, n := range numbers {
		start := at
		for ; at < len(s) && '0' <= s[at] && s[at] <= '9'; at++ {
			*n = *n*10 + uint64(s[at]-'0')
		}
		digits := at - start
		if digits == 0 || digits > 18 || digits > 1 && s[start] == '0' {
			return Version{}, false
		}
		if i < 2 {
			if at == len(s) || s[at] != '.' {
				return Version{}, false
			}
			at++
		}
	}
	return v, at == len(s)
}

// String formats v without a prefix.
func (v Version) String() string {
	s := fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
	if v.Pre != "" {
		s += "-" + v.Pre
	}
	return s
}

// MarshalText writes v as String does.
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Compare returns -1, 0 or 1 by SemVer precedence.
func (v Version) Compare(o Version) int {
	core := cmp.Or(cmp.Compare(v.Major, o.Major), cmp.Compare(v.Minor, o.Minor), cmp.Compare(v.Patch, o.Patch))
	if core != 0 || v.Pre == o.Pre {
		return core
	}
	return semver.Compare("v"+v.String(), "v"+o.String())
}

// Core returns v without its pre-release.
func (v Version) Core() Version { return Version{v.Major, v.Minor, v.Patch, ""} }

// Next returns the stable version that follows v by b.
func (v Version) Next(b davit.Bump) Version {
	switch b {
	case davit.BumpMajor:
		return Version{Major: v.Major + 1}
	case davit.BumpMinor:
		return Version{Major: v.Major, Minor: v.Minor + 1}
	case davit.BumpPatch:
		return Version{Major: v.Major, Minor: v.Minor, Patch: v.Patch + 1}
	}
	return v
}

// channel returns the channel and number of a pre-release "beta.2".
func (v Version) channel() (name string, number uint64, ok bool) {
	name, digits, found := strings.Cut(v.Pre, ".")
	n, err := strconv.ParseUint(digits, 10, 63)
	return name, n, found && err == nil
}
