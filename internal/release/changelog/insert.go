package changelog

import (
	"regexp"
	"strings"
	"sync"
)

var (
	unreleasedHeading = expression(`(?i)^## +\[?unreleased\]?`)
	unreleasedLink    = expression(`(?mi)^\[unreleased\]:[ \t]*(\S+)[ \t]*\r?$`)
	linkDefinition    = expression(`^\[[^\]]+\]:[ \t]*\S`)
	fenceLine         = expression("^ {0,3}(```+|~~~+)")
	headingDate       = expression(`\b\d{4}-\d{2}-\d{2}\b`)
)

// expression is a regular expression that is compiled when it is first asked.
func expression(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// UsesReferences reports whether a changelog defines the links of its headings
// at its end.
func UsesReferences(existing string) bool { return unreleasedLink().MatchString(existing) }

// Insert puts a rendered section on top of the releases of an existing
// changelog; what was there stays byte for byte. Text that stands under
// Unreleased becomes the release's. A definition of the Unreleased link moves
// on to the new tag. A changelog that has the version is returned as it is, and
// one without text begins with the header.
func Insert(existing, header, section string, s Section) string {
	if strings.TrimSpace(existing) == "" {
		return header + "\n" + section
	}
	marks := headings(existing)
	if _, ok := marks.version(existing, s.Version); ok {
		return existing
	}
	end := "\n"
	if strings.Contains(existing, "\r\n") {
		end = "\r\n"
	}
	inserted := strings.ReplaceAll(section, "\n", end)
	var out string
	switch {
	case len(marks.starts) == 0:
		out = existing[:marks.tail] + gap(existing[:marks.tail], end) + inserted + follow(existing[marks.tail:], end)
	case unreleasedHeading().MatchString(existing[marks.starts[0]:]):
		out = intoUnreleased(existing, inserted, end, marks)
	default:
		first := marks.starts[0]
		out = existing[:first] + gap(existing[:first], end) + inserted + end + existing[first:]
	}
	return moveLink(out, s, end)
}

// intoUnreleased puts the section below the heading Unreleased; text that
// stands there comes between the section's heading and its rest.
func intoUnreleased(existing, inserted, end string, marks marks) string {
	from := marks.starts[0] + lineLength(existing[marks.starts[0]:])
	to := marks.tail
	if len(marks.starts) > 1 {
		to = marks.starts[1]
	}
	if strings.TrimSpace(existing[from:to]) == "" {
		return existing[:to] + gap(existing[:to], end) + inserted + follow(existing[to:], end)
	}
	heading, body := inserted[:lineLength(inserted)], strings.TrimLeft(inserted[lineLength(inserted):], "\r\n")
	out := existing[:from] + gap(existing[:from], end) + heading + existing[from:to]
	if body == "" {
		return out + existing[to:]
	}
	return out + gap(out, end) + body + follow(existing[to:], end)
}

// gap returns the line ends that text lacks before a heading.
func gap(text, end string) string {
	switch {
	case text == "" || strings.HasSuffix(text, end+end):
		return ""
	case strings.HasSuffix(text, "\n"):
		return end
	}
	return end + end
}

// follow sets what comes after the section off with a blank line.
func follow(rest, end string) string {
	if rest == "" || strings.HasPrefix(rest, "\n") || strings.HasPrefix(rest, "\r\n") {
		return rest
	}
	return end + rest
}

// moveLink lets the link of Unreleased begin at the new tag, and defines the
// new release's link after it.
func moveLink(text string, s Section, end string) string {
	at := unreleasedLink().FindStringSubmatchIndex(text)
	if at == nil || s.CompareURL == "" || s.PreviousTag == "" {
		return text
	}
	moved := strings.Replace(text[at[2]:at[3]], s.PreviousTag, s.Tag, 1)
	line := at[1]
	if strings.HasSuffix(text[:line], "\r") {
		line--
	}
	return text[:at[2]] + moved + text[at[3]:line] + end + "[" + s.Version + "]: " + s.CompareURL + text[line:]
}

// Notes returns the section of a version without its heading; ok is false when
// the changelog has none.
func Notes(existing, version string) (notes string, ok bool) {
	m := headings(existing)
	i, ok := m.version(existing, version)
	if !ok {
		return "", false
	}
	from, to := m.starts[i]+lineLength(existing[m.starts[i]:]), m.tail
	if i+1 < len(m.starts) {
		to = m.starts[i+1]
	}
	return strings.TrimSpace(existing[from:to]) + "\n", true
}

// Date returns the date in the heading of a version, "" when there is none.
func Date(existing, version string) string {
	m := headings(existing)
	i, ok := m.version(existing, version)
	if !ok {
		return ""
	}
	line := existing[m.starts[i]:]
	return headingDate().FindString(line[:lineLength(line)])
}

// marks are the places of a changelog that matter.
type marks struct {
	starts []int // of the headings of the second level, outside code fences
	tail   int   // where the link definitions at the end begin
}

// version returns which heading is that of a version.
func (m marks) version(text, version string) (int, bool) {
	heading := regexp.MustCompile(`^## +(?:\[v?` + regexp.QuoteMeta(version) + `\]|v?` + regexp.QuoteMeta(version) + `(?:[\s(]|$))`)
	for i, start := range m.starts {
		line := text[start:]
		if heading.MatchString(strings.TrimRight(line[:lineLength(line)], "\r\n")) {
			return i, true
		}
	}
	return 0, false
}

func headings(text string) marks {
	m := marks{tail: len(text)}
	lines := strings.SplitAfter(text, "\n")
	code := fenced(lines)
	at, tail := 0, -1
	for i, line := range lines {
		if !code[i] && strings.HasPrefix(line, "## ") {
			m.starts = append(m.starts, at)
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

// lineLength returns the length of the first line with its end.
func lineLength(text string) int {
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		return i + 1
	}
	return len(text)
}
