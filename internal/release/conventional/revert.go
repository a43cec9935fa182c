package conventional

import "strings"

var (
	revertsLine = expression(`\b[Tt]his reverts commits?\s+([0-9a-f]{7,64}(?:(?:\s*,\s*|\s+and\s+|\s+)[0-9a-f]{7,64})*)`)
	hexHash     = expression(`\b[0-9a-f]{7,64}\b`)
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

// Reverts returns the hashes, perhaps abbreviated, of the commits that the
// message says it reverts; nil when it reverts none.
func Reverts(message string) []string {
	if !strings.Contains(message, "his reverts commit") && !strings.HasPrefix(strings.ToLower(message[:min(len(message), 10)]), "revert") {
		return nil // the usual case, without a regular expression
	}
	var hashes []string
	for _, match := range revertsLine().FindAllStringSubmatch(message, -1) {
		hashes = append(hashes, hexHash().FindAllString(match[1], -1)...)
	}
	if len(hashes) > 0 {
		return hashes
	}
	c, err := Parse(message)
	if err != nil || c.Type != "revert" {
		return nil
	}
	for _, refs := range c.Values("Refs") {
		hashes = append(hashes, hexHash().FindAllString(strings.ToLower(refs), -1)...)
	}
	return hashes
}
