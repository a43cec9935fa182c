package changelog

import "strings"

var unreleasedLink = expression(`(?mi)^\[unreleased\]:[ \t]*(\S+)[ \t]*\r?$`)

// UsesReferences reports whether a changelog defines the links of its headings
// at its end.
func UsesReferences(existing string) bool { return unreleasedLink().MatchString(existing) }

// Insert puts a rendered section on top of the releases of an existing
// changelog; what was there stays byte for byte. Text that stands under
// Unreleased becomes the release's, and what the section tells under a heading
// that stands there too follows under it. A definition of the Unreleased link
// moves on to the new tag. A changelog that has the version is returned as it
// is, and one without text begins with the header.
func Insert(existing, header, section string, s Section) string {
	if strings.TrimSpace(existing) == "" {
		return header + "\n" + section
	}
	marks := headings(existing)
	if _, ok := marks.version(s.Version); ok {
		return existing
	}
	end := "\n"
	if strings.Contains(existing, "\r\n") {
		end = "\r\n"
	}
	inserted := strings.ReplaceAll(section, "\n", end)
	var out string
	switch top := marks.top(); {
	case top < 0:
		out = existing[:marks.tail] + gap(existing[:marks.tail], end) + inserted + follow(existing[marks.tail:], end)
	case marks.headings[top].unreleased:
		out = intoUnreleased(existing, inserted, end, marks.headings[top].end, marks.sectionEnd(top))
	default:
		first := marks.headings[top].start
		out = existing[:first] + gap(existing[:first], end) + inserted + end + existing[first:]
	}
	return moveLink(out, s, end)
}

// intoUnreleased puts the section below the heading Unreleased, whose own text
// stands between two places; that is merged into the section.
func intoUnreleased(existing, inserted, end string, from, to int) string {
	if strings.TrimSpace(existing[from:to]) == "" {
		return existing[:to] + gap(existing[:to], end) + inserted + follow(existing[to:], end)
	}
	first := lineLength(inserted)
	out := existing[:from] + gap(existing[:from], end) + inserted[:first]
	merged := merge(existing[from:to], strings.TrimLeft(inserted[first:], "\r\n"), end)
	if rest := existing[to:]; merged != existing[from:to] && rest != "" && !strings.HasPrefix(rest, "\n") && !strings.HasPrefix(rest, "\r\n") {
		merged += gap(merged, end)
	}
	return out + merged + existing[to:]
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
	i, ok := m.version(version)
	if !ok {
		return "", false
	}
	return strings.TrimSpace(existing[m.headings[i].end:m.sectionEnd(i)]) + "\n", true
}

// Date returns the date in the heading of a version, "" when there is none.
func Date(existing, version string) string {
	m := headings(existing)
	i, ok := m.version(version)
	if !ok {
		return ""
	}
	return headingDate().FindString(m.headings[i].text)
}

// lineLength returns the length of the first line with its end.
func lineLength(text string) int {
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		return i + 1
	}
	return len(text)
}
