package changelog

import (
	"regexp"
	"strings"
	"sync"
)

// What tools in the field write: "## [1.2.0] - date", "# [1.2.0](…) (date)",
// "### [1.0.1](…)", "## v1.2.3", "## <small>1.0.1 (date)</small>" below an
// anchor, and "1.2.3 / date" underlined.
var (
	hashes            = expression(`^ {0,3}(#{1,6})[ \t]+`)
	underline         = expression(`^ {0,3}(=+|-{2,})[ \t]*\r?\n?$`)
	versionHeading    = expression(`(?i)^(?:<small>)?(?:version +|release +)?(\[)?v?(\d+\.\d+(?:\.\d+)?(?:-[0-9a-z.-]+)?(?:\+[0-9a-z.-]+)?)(?:[\]\s(,:<]|$)`)
	unreleasedHeading = expression(`(?i)^\[?unreleased\b`)
	headingDate       = expression(`\b\d{4}-\d{2}-\d{2}\b`)
	anchorLine        = expression(`^<a (?:name|id)="[^"]*">(?:</a>)?\s*$`)
	linkDefinition    = expression(`^\[[^\]]+\]:[ \t]*\S`)
	fenceLine         = expression("^ {0,3}(```+|~~~+)")
)

// expression is a regular expression that is compiled when it is first asked.
func expression(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// mark is a heading of a changelog.
type mark struct {
	start, end int // of the heading, with the anchor above it and its line end
	level      int // 1 to 3
	text       string
	version    string // "" when it is no release's
	unreleased bool
}

// marks are the places of a changelog that matter.
type marks struct {
	headings []mark // outside code fences
	tail     int    // where the link definitions at the end begin
}

// top returns the heading that a new section goes above, or into when it is
// Unreleased: the first of a release, or without one the first of the second
// level; -1 when there is none.
func (m marks) top() int {
	second := -1
	for i, h := range m.headings {
		switch {
		case h.version != "" || h.unreleased:
			return i
		case h.level == 2 && second < 0:
			second = i
		}
	}
	return second
}

// sectionEnd returns where the section of a heading ends. Tools write a patch's
// heading on the level of its groups, so those do not end it.
func (m marks) sectionEnd(i int) int {
	level := min(m.headings[i].level, 2)
	for _, h := range m.headings[i+1:] {
		if h.version != "" || h.level <= level {
			return h.start
		}
	}
	return m.tail
}

// version returns which heading is that of a version.
func (m marks) version(version string) (int, bool) {
	for i, h := range m.headings {
		if h.version == version {
			return i, true
		}
	}
	return 0, false
}

// headings returns the places of a changelog that matter.
func headings(text string) marks {
	m := marks{tail: len(text)}
	lines := strings.SplitAfter(text, "\n")
	code := fenced(lines)
	at, tail := 0, -1
	for i, line := range lines {
		next := ""
		if i+1 < len(lines) {
			next = lines[i+1]
		}
		if h, ok := heading(line, next); ok && !code[i] {
			h.start, h.end = at, at+h.end
			if i > 0 && anchorLine().MatchString(lines[i-1]) {
				h.start -= len(lines[i-1])
			}
			m.headings = append(m.headings, h)
		}
		switch {
		case linkDefinition().MatchString(line) && !code[i]:
			if tail < 0 {
				tail = at
			}
		case strings.TrimSpace(line) != "":
			tail = -1
		}
		at += len(line)
	}
	if tail >= 0 {
		m.tail = tail
	}
	return m
}

// heading reads a line as a heading; only those of releases may be underlined.
func heading(line, next string) (h mark, ok bool) {
	underlined := false
	if m := hashes().FindStringSubmatchIndex(line); m != nil {
		h.level, h.text, h.end = m[3]-m[2], strings.TrimSpace(line[m[1]:]), len(line)
	} else if m := underline().FindStringSubmatch(next); m != nil {
		h.level, h.text, h.end = 1, strings.TrimSpace(line), len(line)+len(next)
		if m[1][0] == '-' {
			h.level = 2
		}
		underlined = true
	} else {
		return mark{}, false
	}
	if m := versionHeading().FindStringSubmatch(h.text); m != nil {
		// On the third level are groups too: "### 2.0 compatibility".
		if h.level < 3 || m[1] != "" || headingDate().MatchString(h.text) {
			h.version = m[2]
		}
	} else {
		h.unreleased = h.level < 3 && unreleasedHeading().MatchString(h.text)
	}
	return h, h.level <= 3 && (!underlined || h.version != "" || h.unreleased)
}

// fenced marks the lines of code fences. One that is never closed is none.
func fenced(lines []string) []bool {
	code := make([]bool, len(lines))
	fence, opened := "", 0
	for i, line := range lines {
		found := fenceLine().FindStringSubmatch(line)
		switch {
		case found == nil:
		case fence == "":
			fence, opened = found[1], i
		case strings.HasPrefix(found[1], fence):
			for j := opened; j <= i; j++ {
				code[j] = true
			}
			fence = ""
		}
	}
	return code
}
