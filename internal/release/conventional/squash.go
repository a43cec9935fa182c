package conventional

import (
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
	lines := splitLines(message)
	for len(lines) > 1 && lines[0] == "" {
		lines = lines[1:]
	}
	header := lines[0]
	switch {
	case header == "Squashed commit of the following:":
		return parseEach(squashed(lines[1:]), header)
	case !strings.HasPrefix(header, "Merged ") && !strings.HasPrefix(header, "Re") && !strings.HasSuffix(header, ")"):
		// The usual case, without a regular expression.
	case strings.HasPrefix(header, "Merged in ") && bitbucketHeader().MatchString(header):
		return parsePullRequest(dropBlank(lines[1:]))
	case strings.HasPrefix(header, "Merged PR ") && azurePrefix().MatchString(header):
		number := header[len("Merged PR "):strings.Index(header, ": ")]
		title := header[strings.Index(header, ": ")+2:]
		return parsePullRequest(append([]string{title + " (#" + number + ")"}, lines[1:]...))
	case strings.HasPrefix(header, "Re") && revertHeader().MatchString(header):
		return parseRevert(lines)
	case pullRequestAt(header) >= 0:
		return parsePullRequest(lines)
	}
	c, err := parseLines(lines)
	if err != nil {
		return nil, err
	}
	return []Commit{c}, nil
}

// parsePullRequest reads the title of a pull request with the bulleted list of
// its commits. What is no conventional bullet belongs to the title.
func parsePullRequest(lines []string) ([]Commit, error) {
	if len(lines) == 0 {
		lines = []string{""}
	}
	own, bullets := []string{}, [][]string{}
	code := fenced(lines)
	inBullet := false
	for i, line := range lines {
		text, ok := strings.CutPrefix(line, "* ")
		switch {
		case i > 0 && ok && !code[i]:
			if _, problem := parseHeader(text); problem == nil {
				bullets, inBullet = append(bullets, []string{text}), true
				continue
			}
			inBullet = false
		case strings.HasPrefix(line, "-----") && strings.Trim(line, "-") == "": // GitHub sets trailers of the whole off with it
			inBullet = false
			own = append(own, "")
			continue
		}
		if inBullet {
			bullets[len(bullets)-1] = append(bullets[len(bullets)-1], line)
		} else {
			own = append(own, line)
		}
	}
	return parseEach(append([][]string{own}, bullets...), lines[0])
}

// parseEach reads several messages. It fails only when none can be read, and
// then with the first one's problem; a part that cannot is a warning.
func parseEach(messages [][]string, header string) ([]Commit, error) {
	var commits []Commit
	var problems []Problem
	var first error
	for _, message := range messages {
		c, err := parseLines(message)
		if err != nil {
			if first == nil {
				first = err
			}
			problem := *err.(*Problem) //nolint:errorlint // Parse returns no other
			problem.Message = "a part of this squashed commit is no conventional commit: " + problem.Message
			problems = append(problems, problem)
			continue
		}
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
	if len(commits) == 0 {
		if first == nil {
			first = &Problem{Rule: 1, Line: 1, Column: 1, Message: "nothing follows " + header}
		}
		return nil, first
	}
	commits[0].Warnings = append(commits[0].Warnings, problems...)
	return commits, nil
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
func squashed(lines []string) [][]string {
	var messages [][]string
	for _, line := range lines {
		if squashCommitLine().MatchString(line) {
			messages = append(messages, []string{""})
			continue
		}
		text, indented := strings.CutPrefix(line, "    ")
		if n := len(messages); n > 0 && (indented || line == "") {
			messages[n-1] = append(messages[n-1], text)
		}
	}
	return messages
}

func dropBlank(lines []string) []string {
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	return lines
}
