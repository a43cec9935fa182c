package flag

import (
	"cmp"
	"fmt"
	"strings"
)

// version is a semantic version. Build metadata does not count.
type version struct {
	numbers [3]uint64
	pre     string
}

// parseVersion reads a version, also with a v before it, and with its last
// numbers left out. It returns how many numbers were there.
func parseVersion(s string) (v version, numbers int, ok bool) {
	s = strings.TrimSpace(s)
	if s != "" && (s[0] == 'v' || s[0] == 'V') {
		s = s[1:]
	}
	if len(s) > nameMost {
		return v, 0, false
	}
	s, build, hasBuild := strings.Cut(s, "+")
	s, pre, hasPre := strings.Cut(s, "-")
	if hasBuild && !identifiers(build, false) || hasPre && !identifiers(pre, true) {
		return v, 0, false
	}
	v.pre = pre
	for more := true; more; numbers++ {
		if numbers == len(v.numbers) {
			return v, 0, false
		}
		var part string
		part, s, more = strings.Cut(s, ".")
		if v.numbers[numbers], ok = parseNumber(part); !ok {
			return v, 0, false
		}
	}
	return v, numbers, numbers == len(v.numbers) || !hasPre && !hasBuild
}

// parseNumber reads a number of a version, as far as JavaScript counts exactly.
func parseNumber(s string) (n uint64, ok bool) {
	if s == "" || len(s) > 16 || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint64(s[i]-'0')
	}
	return n, n <= 1<<53-1
}

// identifiers reports whether s is a row of identifiers with dots between them.
func identifiers(s string, numbersStrict bool) bool {
	for more := true; more; {
		var part string
		part, s, more = strings.Cut(s, ".")
		numeric := true
		for i := range len(part) {
			c := part[i]
			switch {
			case c >= '0' && c <= '9':
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-':
				numeric = false
			default:
				return false
			}
		}
		if part == "" || numbersStrict && numeric && len(part) > 1 && part[0] == '0' {
			return false
		}
	}
	return true
}

// compare returns -1, 0 or 1 as semantic versioning orders v and o.
func (v version) compare(o version) int {
	for i := range v.numbers {
		if c := cmp.Compare(v.numbers[i], o.numbers[i]); c != 0 {
			return c
		}
	}
	switch {
	case v.pre == o.pre:
		return 0
	case v.pre == "":
		return 1
	case o.pre == "":
		return -1
	}
	a, b, moreA, moreB := v.pre, o.pre, true, true
	for moreA && moreB {
		var partA, partB string
		partA, a, moreA = strings.Cut(a, ".")
		partB, b, moreB = strings.Cut(b, ".")
		if c := compareIdentifiers(partA, partB); c != 0 {
			return c
		}
	}
	switch {
	case moreA:
		return 1
	case moreB:
		return -1
	}
	return 0
}

// compareIdentifiers orders numbers by value and before texts.
func compareIdentifiers(a, b string) int {
	numberA, numberB := digits(a), digits(b)
	switch {
	case numberA && numberB:
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) // neither begins with 0
	case numberA:
		return -1
	case numberB:
		return 1
	}
	return strings.Compare(a, b)
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// String writes the version.
func (v version) String() string {
	text := fmt.Sprintf("%d.%d.%d", v.numbers[0], v.numbers[1], v.numbers[2])
	if v.pre != "" {
		text += "-" + v.pre
	}
	return text
}
