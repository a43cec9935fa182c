package changelog

import (
	"slices"
	"strings"
)

// block is a group of a section: its heading, "### Added", and what is below.
// The first of a text has no heading.
type block struct {
	name string
	text string // with the heading
	rest int    // where the text goes on below the heading
}

// blocks cuts a section's text before each of its groups' headings.
func blocks(text string) []block {
	lines := strings.SplitAfter(text, "\n")
	code := fenced(lines)
	cut := []block{{}}
	for i, line := range lines {
		if name, ok := strings.CutPrefix(line, "### "); ok && !code[i] {
			cut = append(cut, block{strings.TrimSpace(name), "", len(line)})
		}
		cut[len(cut)-1].text += line
	}
	return cut
}

// merge returns what people wrote under Unreleased, whole and in its order, with
// what is generated: under the headings that are there already, below their
// text, and else after all; only what breaks comes before the others' headings.
func merge(written, generated, end string) string {
	mine, theirs := blocks(written), blocks(generated)
	if len(mine) == 1 || theirs[0].text != "" {
		return joined(written, generated, end)
	}
	theirs, closing := cutClosing(theirs[1:])
	out := mine[0].text
	named := func(in []block, name string) int {
		return slices.IndexFunc(in, func(b block) bool { return strings.EqualFold(b.name, name) })
	}
	if len(theirs) > 0 && strings.EqualFold(theirs[0].name, breakingHeading) && named(mine, breakingHeading) < 0 {
		switch {
		case out == "": // the release's heading is right above
			out = end
		case strings.TrimSpace(out) != "":
			out += gap(out, end)
		}
		out += theirs[0].text
		out, theirs = out+gap(out, end), theirs[1:]
	}
	grown := false
	for _, b := range mine[1:] {
		if grown {
			out += gap(out, end)
		}
		i := named(theirs, b.name)
		if grown = i >= 0; !grown {
			out += b.text
			continue
		}
		out += below(b, theirs[i].text[theirs[i].rest:], end)
		theirs = slices.Delete(theirs, i, i+1)
	}
	for _, b := range theirs {
		out = joined(out, b.text, end)
	}
	return joined(out, closing, end)
}

// joined returns a text, a blank line, and what is to follow it, if anything.
func joined(text, next, end string) string {
	if next == "" {
		return text
	}
	return text + gap(text, end) + next
}

// below puts items after the last line of a block; a list goes on.
func below(b block, items, end string) string {
	items = strings.Trim(items, "\r\n") + end
	last := len(strings.TrimRight(b.text, " \t\r\n"))
	last += lineLength(b.text[last:])
	text, blank := b.text[:last], b.text[last:]
	line := text[strings.LastIndexByte(strings.TrimRight(text, "\r\n"), '\n')+1:]
	switch {
	case !strings.HasPrefix(line, items[:1]) && !strings.HasPrefix(line, " "):
		text += gap(text, end)
	case !strings.HasSuffix(text, "\n"):
		text += end
	}
	return text + items + blank
}

// cutClosing takes what stands below the last group's list out of it, such as
// the line with the contributors.
func cutClosing(of []block) (rest []block, closing string) {
	if len(of) == 0 {
		return of, ""
	}
	last := &of[len(of)-1]
	lines := strings.SplitAfter(last.text, "\n")
	at, kept := len(last.text), len(last.text)
	for i := len(lines) - 1; i > 0; i-- {
		at -= len(lines[i])
		if line := strings.TrimRight(lines[i], "\r\n"); line != "" {
			if strings.ContainsAny(line[:1], " \t-*+#`~") {
				break
			}
			kept = at
		}
	}
	closing, last.text = last.text[kept:], last.text[:kept]
	return of, closing
}
