package conventional

import (
	"slices"
	"strings"
)

// Parse reads one commit message, of any size and line ending. The error, if
// any, is a *Problem: the message is no conventional commit, and where not.
func Parse(message string) (Commit, error) { return parseLines(splitLines(message)) }

// parseLines reads a message by lines, of which there is at least one.
func parseLines(lines []string) (Commit, error) {
	first := 0
	for first < len(lines)-1 && lines[first] == "" { // git drops blank lines before the header
		first++
	}
	c, problem := parseHeader(lines[first])
	if problem != nil {
		problem.Line += first
		return Commit{}, problem
	}
	for i := range c.Warnings {
		c.Warnings[i].Line += first
	}
	c.Line, c.Column = first+1, 1
	rest := newText(lines[first+1:], first+2)
	c.Warnings = append(c.Warnings, rest.warnings()...)
	c.Body, c.Footers = rest.body(), rest.footers()
	return c, nil
}

// splitLines returns the lines without their ends and trailing blanks, at
// least one.
func splitLines(message string) []string {
	if strings.ContainsRune(message, '\r') {
		message = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(message)
	}
	lines := strings.Split(message, "\n")
	for i, line := range lines {
		if n := len(line); n > 0 && (line[n-1] == ' ' || line[n-1] == '\t') {
			lines[i] = strings.TrimRight(line, " \t")
		}
	}
	return lines
}

// text is what follows the header: a body, then footers.
type text struct {
	lines  []string
	number int // of the first line, for problems
	code   code
	start  int // index of the first footer
}

func newText(lines []string, number int) text {
	t := text{lines: lines, number: number, code: fenced(lines), start: len(lines)}
	for i := range lines {
		if i > 0 && lines[i-1] == "" && t.footerAt(i) != nil {
			t.start = i
			break
		}
	}
	return t
}

// body returns the text before the footers.
func (t text) body() string {
	return strings.Trim(strings.Join(t.lines[:t.start], "\n"), "\n")
}

// footers returns the footers; a value goes on to the next token (rule 10).
func (t text) footers() []Footer {
	var footers []Footer
	var value []string
	end := func() {
		if n := len(footers); n > 0 {
			footers[n-1].Value = strings.Trim(strings.Join(value, "\n"), "\n")
		}
	}
	for i := t.start; i < len(t.lines); i++ {
		f := t.footerAt(i)
		if f == nil {
			value = append(value, t.lines[i])
			continue
		}
		end()
		footers, value = append(footers, *f), []string{f.Value}
	}
	end()
	return footers
}

// footerAt returns the footer that begins at a line, with the first line of
// its value.
func (t text) footerAt(i int) *Footer {
	if t.code.holds(i) {
		return nil
	}
	line := t.lines[i]
	for _, token := range []string{breakingSpace, breakingDash} {
		rest, ok := strings.CutPrefix(line, token+":")
		// git strips blanks at the end of a line, so that a value that begins
		// on the next line has lost its space.
		if ok && rest == "" && i+1 < len(t.lines) && t.lines[i+1] != "" {
			return &Footer{Token: token, Separator: ": "}
		}
	}
	end := len(line)
	if rest, ok := strings.CutPrefix(line, breakingSpace); ok {
		end = len(line) - len(rest)
	} else if j := strings.IndexFunc(line, func(r rune) bool { return !isTokenRune(r) }); j >= 0 {
		end = j
	}
	for _, separator := range []string{": ", " #"} {
		value, ok := strings.CutPrefix(line[end:], separator)
		if end > 0 && ok && strings.TrimSpace(value) != "" {
			return &Footer{Token: line[:end], Separator: separator, Value: strings.TrimSpace(value)}
		}
	}
	return nil
}

func isTokenRune(r rune) bool {
	return r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// warnings finds what a reader takes for a breaking change or a body, and the
// rules do not.
func (t text) warnings() []Problem {
	var found []Problem
	warn := func(i, rule int, message, hint string) {
		found = append(found, Problem{Rule: rule, Line: t.number + i, Column: 1, Message: message, Hint: hint})
	}
	if len(t.lines) > 0 && t.lines[0] != "" {
		warn(0, 6, "the description is not followed by a blank line", "leave a blank line before the body")
	}
	for i, line := range t.lines {
		if t.code.holds(i) || !looksBreaking(line) {
			continue
		}
		f := t.footerAt(i)
		switch {
		case f == nil || !f.breaking():
			warn(i, breakingRule(line), "this is not the footer of a breaking change", "write BREAKING CHANGE: in upper case, a space, and what breaks")
		case i < t.start:
			warn(i, 8, "this is not a footer, because no blank line stands before it", "leave a blank line before BREAKING CHANGE:")
		case f.Value == "":
			warn(i, 12, "the description of the breaking change does not follow on the same line", "write BREAKING CHANGE:, a space, and what breaks")
		}
	}
	return found
}

// looksBreaking reports whether the line begins like the footer of a breaking
// change, in any case and with any separator.
func looksBreaking(line string) bool {
	if len(line) <= len(breakingSpace) || line[0] != 'B' && line[0] != 'b' {
		return false
	}
	token, rest := line[:len(breakingSpace)], line[len(breakingSpace):]
	if !strings.EqualFold(token, breakingSpace) && !strings.EqualFold(token, breakingDash) {
		return false
	}
	rest = strings.TrimLeft(rest, "sS \t") // also "BREAKING CHANGES :"
	return strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, "#")
}

// breakingRule returns the rule that a line which looks breaking offends.
func breakingRule(line string) int {
	if token := line[:len(breakingSpace)]; token != breakingSpace && token != breakingDash {
		return 15
	}
	return 12
}

// code marks the lines inside closed code fences, which are quoted and mean
// nothing; nil when there is none, as usual.
type code []bool

func (c code) holds(line int) bool { return c != nil && c[line] }

// fenced marks the lines of closed code fences. A fence that is never closed
// quotes nothing, so that it cannot hide what follows.
func fenced(lines []string) (marked code) {
	var open map[byte]int // the shortest run of a mark that is known to stay open, so that no text is searched again and again
	for i := 0; i < len(lines); i++ {
		fence := fenceOf(lines[i])
		if fence == "" || open[fence[0]] > 0 && len(fence) >= open[fence[0]] {
			continue
		}
		end := slices.IndexFunc(lines[i+1:], func(line string) bool {
			return strings.HasPrefix(strings.TrimLeft(line, " "), fence) && strings.Trim(line, " "+fence[:1]) == ""
		})
		if end < 0 {
			if open == nil {
				open = map[byte]int{}
			}
			open[fence[0]] = len(fence)
			continue
		}
		if marked == nil {
			marked = make(code, len(lines))
		}
		for j := i; j <= i+1+end; j++ {
			marked[j] = true
		}
		i += 1 + end
	}
	return marked
}

// fenceOf returns the run of backquotes or tildes that opens a fence; "" when
// the line opens none.
func fenceOf(line string) string {
	if !strings.Contains(line, "```") && !strings.Contains(line, "~~~") {
		return "" // nearly always
	}
	line = strings.TrimLeft(line, " ")
	for _, mark := range []string{"`", "~"} {
		if run := len(line) - len(strings.TrimLeft(line, mark)); run >= 3 {
			return line[:run]
		}
	}
	return ""
}
