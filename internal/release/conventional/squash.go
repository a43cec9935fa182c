package conventional

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// The ways in which forges and git itself write several commits as one.
var (
	azurePrefix      = expression(`^Merged PR \d+: `)
	bitbucketHeader  = expression(`^Merged in .+ \(pull request #\d+\)$`)
	squashCommitLine = expression(`^commit [0-9a-f]{7,64}$`)
	revertHeader     = expression(`^(Revert|Reapply) "(.*)"(?: \((?:#|!)\d+\))?$`)
)

// expression is a regular expression that is compiled when it is first asked.
func expression(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// ParseAll reads a message as Parse does and returns every change that it
// tells of: a squashed pull request yields its own header and one commit for
// each bullet that is a conventional header, "git merge --squash" one for each
// message it lists, and git's Revert "feat: x" a commit of type revert.
func ParseAll(message string) ([]Commit, error) {
	lines, before := splitLines(message), 0
	for len(lines) > 1 && lines[0] == "" {
		lines, before = lines[1:], before+1
	}
	commits, err := parseAny(lines)
	if before == 0 {
		return commits, err
	}
	if problem, ok := errors.AsType[*Problem](err); ok {
		problem.Line += before
	}
	for i := range commits {
		commits[i].move(func(line, column int) (int, int) { return line + before, column })
	}
	return commits, err
}

// parseAny reads a message whose first line is its header.
func parseAny(lines []string) ([]Commit, error) {
	header := lines[0]
	switch {
	case header == "Squashed commit of the following:":
		return parseEach(squashed(lines), header)
	case !strings.HasPrefix(header, "Merged ") && !strings.HasPrefix(header, "Re") && !strings.HasSuffix(header, ")"):
		// The usual case, without a regular expression.
	case strings.HasPrefix(header, "Merged in ") && bitbucketHeader().MatchString(header):
		first := 1
		for first < len(lines)-1 && lines[first] == "" {
			first++
		}
		return parsePullRequest(lines, first, 0)
	case strings.HasPrefix(header, "Merged PR ") && azurePrefix().MatchString(header):
		prefix, title, _ := strings.Cut(header, ": ")
		title += " (#" + strings.TrimPrefix(prefix, "Merged PR ") + ")"
		return parsePullRequest(append([]string{title}, lines[1:]...), 0, len(prefix+": "))
	case strings.HasPrefix(header, "Re") && revertHeader().MatchString(header):
		return parseRevert(lines)
	case pullRequestAt(header) >= 0:
		return parsePullRequest(lines, 0, 0)
	}
	return one(parseLines(lines))
}

// one returns the only commit of a message.
func one(c Commit, err error) ([]Commit, error) {
	if err != nil {
		return nil, err
	}
	return []Commit{c}, nil
}

// part is a message inside another one.
type part struct {
	lines  []string
	places []place // of the lines
}

// place is where a line of a part begins in the whole message.
type place struct{ line, before int } // from 1; characters before it

func (p *part) add(text string, line, before int) {
	p.lines, p.places = append(p.lines, text), append(p.places, place{line, before})
}

// whole returns what a place in the part is in the whole message.
func (p *part) whole(line, column int) (int, int) {
	at := p.places[line-1]
	return at.line, at.before + column
}

// move changes the places in the commit.
func (c *Commit) move(to func(line, column int) (int, int)) {
	c.Line, c.Column = to(c.Line, c.Column)
	for i := range c.Warnings {
		w := &c.Warnings[i]
		w.Line, w.Column = to(w.Line, w.Column)
	}
}

// parsePullRequest reads the title of a pull request, the line first, with the
// bulleted list of its commits. What is no conventional bullet belongs to the
// title, before which some characters of its line were taken away.
func parsePullRequest(lines []string, first, before int) ([]Commit, error) {
	plain := first == 0 && before == 0
	if plain && !slices.ContainsFunc(lines[1:], func(line string) bool { return strings.HasPrefix(line, "* ") || strings.HasPrefix(line, "-----") }) {
		return one(parseLines(lines)) // the usual case: of one commit
	}
	parts := []part{{}}
	code := fenced(lines)
	at := 0 // the part that lines belong to
	for i := first; i < len(lines); i++ {
		line := lines[i]
		text, ok := strings.CutPrefix(line, "* ")
		switch {
		case i > first && ok && !code.holds(i):
			if _, problem := parseHeader(text); problem == nil {
				parts, at = append(parts, part{}), len(parts)
				parts[at].add(text, i+1, len("* "))
				continue
			}
			at = 0
		case i > first && strings.HasPrefix(line, "-----") && strings.Trim(line, "-") == "": // GitHub sets trailers of the whole off with it
			at, line = 0, ""
		}
		parts[at].add(line, i+1, 0)
	}
	if len(parts[0].lines) == 0 {
		parts[0].add("", 1, 0)
	}
	parts[0].places[0].before = before
	return parseEach(parts, parts[0].lines[0])
}

// parseEach reads several messages. It fails only when none can be read, and
// then with the first one's problem; a part that cannot is a warning.
func parseEach(parts []part, header string) ([]Commit, error) {
	var commits []Commit
	var problems []Problem
	for i := range parts {
		c, err := parseLines(parts[i].lines)
		if problem, ok := errors.AsType[*Problem](err); ok {
			problem.Line, problem.Column = parts[i].whole(problem.Line, problem.Column)
			problems = append(problems, *problem)
			continue
		}
		c.move(parts[i].whole)
		// Forges append the pull request's number to the title of a single commit.
		same := func(o Commit) bool {
			return o.Type == c.Type && strings.EqualFold(o.Scope, c.Scope) && withoutPullRequest(o.Description) == withoutPullRequest(c.Description)
		}
		if i := slices.IndexFunc(commits, same); i >= 0 {
			commits[i] = merged(commits[i], c)
			continue
		}
		commits = append(commits, c)
	}
	switch {
	case len(commits) > 0:
		for _, problem := range problems {
			problem.Message = "a part of this squashed commit is no conventional commit: " + problem.Message
			commits[0].Warnings = append(commits[0].Warnings, problem)
		}
		return commits, nil
	case len(problems) > 0:
		return nil, &problems[0]
	}
	return nil, &Problem{Rule: 1, Line: 1, Column: 1, Message: "nothing follows " + header}
}

// merged returns a with what only its duplicate b says.
func merged(a, b Commit) Commit {
	a.Bang = a.Bang || b.Bang
	if a.Body == "" {
		a.Body = b.Body
	}
	for _, f := range b.Footers {
		if !slices.Contains(a.Footers, f) {
			a.Footers = append(a.Footers, f)
		}
	}
	a.Warnings = append(a.Warnings, b.Warnings...)
	return a
}

func withoutPullRequest(description string) string {
	if at := pullRequestAt(description); at >= 0 {
		description = description[:at]
	}
	return strings.TrimSpace(description)
}

// pullRequestAt returns where the number of a pull request begins that a text ends
// with: "(#12)", "(!12)" or "(pull request #12)"; -1 when it ends with none. Every
// commit is asked, so there is no regular expression.
func pullRequestAt(text string) int {
	text, ok := strings.CutSuffix(text, ")")
	rest := strings.TrimRight(text, "0123456789")
	if !ok || rest == text {
		return -1
	}
	for _, mark := range []string{"(#", "(!", "(pull request #"} {
		if strings.HasSuffix(rest, mark) {
			return len(rest) - len(mark)
		}
	}
	return -1
}

// squashed returns the messages that "git merge --squash" lists, which it
// indents below the hash, author and date of each.
func squashed(lines []string) []part {
	const indent = "    "
	var parts []part
	for i, line := range lines {
		if squashCommitLine().MatchString(line) {
			parts = append(parts, part{})
			continue
		}
		text, indented := strings.CutPrefix(line, indent)
		if n := len(parts); n > 0 && (indented || line == "") {
			parts[n-1].add(text, i+1, len(line)-len(text))
		}
	}
	for i := range parts {
		if len(parts[i].lines) == 0 {
			parts[i].add("", 1, 0)
		}
	}
	return parts
}
