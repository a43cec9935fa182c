package conventional

import (
	"strings"
	"unicode/utf8"
)

var (
	revertsLine = expression(`\b[Tt]his reverts commits?\s+([0-9a-f]{7,64}(?:(?:\s*,\s*|\s+and\s+|\s+)[0-9a-f]{7,64})*)`)
	hexHash     = expression(`\b[0-9a-f]{7,64}\b`)
	// revertsPull is what GitHub's button writes.
	revertsPull = expression(`(?m)^Reverts [\w.-]+/[\w.-]+(#\d+)\r?$`)
)

// parseRevert reads the message that git writes for a revert. A revert of a
// revert brings the change back, and is that change again.
func parseRevert(lines []string) ([]Commit, error) {
	subject, undone, quoted := lines[0], false, 0
	for {
		match := revertHeader().FindStringSubmatch(subject)
		if match == nil {
			break
		}
		if match[1] == "Revert" {
			undone = !undone
		}
		quoted += utf8.RuneCountInString(match[1] + ` "`)
		subject = match[2]
	}
	if strings.TrimSpace(subject) == "" {
		return nil, &Problem{Rule: 5, Line: 1, Column: quoted + 1, Message: "the revert does not say of what", Hint: "quote the header of what is reverted"}
	}
	rest := newText(lines[1:], 2)
	c := Commit{Type: "revert", Description: subject}
	if !undone {
		again, problem := parseHeader(subject)
		if problem != nil {
			problem.Column += quoted
			return nil, problem
		}
		for i := range again.Warnings {
			again.Warnings[i].Column += quoted
		}
		c = again
	}
	c.Line, c.Column = 1, 1
	c.Body, c.Footers, c.Warnings = rest.body(), rest.footers(), append(c.Warnings, rest.warnings()...)
	return []Commit{c}, nil
}

// Reverts returns what the message of a revert says it reverts: the hashes,
// perhaps abbreviated, of commits, or "#11" for a pull request; nil when the
// header is none of a revert, as bodies quote much.
func Reverts(message string) []string {
	header, _, _ := strings.Cut(strings.TrimLeft(message, "\r\n"), "\n")
	header = strings.TrimSpace(header)
	if strings.HasPrefix(header, "Merged PR ") { // Azure DevOps
		_, header, _ = strings.Cut(header, ": ")
	}
	if begin := header[:min(len(header), 3)]; !strings.EqualFold(begin, "rev") && begin != "Rea" {
		return nil // the usual case, without a regular expression
	}
	if !revertHeader().MatchString(header) {
		return revertsOfType(message)
	}
	hashes := revertedHashes(message)
	if len(hashes) == 0 {
		for _, match := range revertsPull().FindAllStringSubmatch(message, -1) {
			hashes = append(hashes, match[1])
		}
	}
	return hashes
}

// revertsOfType is Reverts for a commit "revert: …", with its footers Refs.
func revertsOfType(message string) []string {
	c, err := Parse(message)
	if err != nil || c.Type != "revert" {
		return nil
	}
	hashes := revertedHashes(message)
	if len(hashes) > 0 {
		return hashes
	}
	for _, refs := range c.Values("Refs") {
		hashes = append(hashes, hexHash().FindAllString(strings.ToLower(refs), -1)...)
	}
	return hashes
}

func revertedHashes(message string) []string {
	var hashes []string
	for _, match := range revertsLine().FindAllStringSubmatch(message, -1) {
		hashes = append(hashes, hexHash().FindAllString(match[1], -1)...)
	}
	return hashes
}
