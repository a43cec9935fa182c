package conventional

import "strings"

var (
	revertsLine = expression(`\b[Tt]his reverts commits?\s+([0-9a-f]{7,64}(?:(?:\s*,\s*|\s+and\s+|\s+)[0-9a-f]{7,64})*)`)
	hexHash     = expression(`\b[0-9a-f]{7,64}\b`)
	// revertsPull is what GitHub's button writes.
	revertsPull = expression(`(?m)^Reverts [\w.-]+/[\w.-]+(#\d+)\r?$`)
)

// parseRevert reads the message that git writes for a revert. A revert of a
// revert brings the change back, and is that change again.
func parseRevert(lines []string) ([]Commit, error) {
	subject, undone := revertHeader().ReplaceAllString(lines[0], "$1 \"$2\""), false
	for {
		match := revertHeader().FindStringSubmatch(subject)
		if match == nil {
			break
		}
		if match[1] == "Revert" {
			undone = !undone
		}
		subject = match[2]
	}
	rest := newText(lines[1:], 2)
	c := Commit{Type: "revert", Description: subject}
	if !undone {
		again, problem := parseHeader(subject)
		if problem != nil {
			return nil, problem
		}
		c = again
	}
	c.Body, c.Footers, c.Warnings = rest.body(), rest.footers(), rest.warnings()
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
	if !strings.HasPrefix(strings.ToLower(header[:min(len(header), 6)]), "re") {
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
