// Package conventional reads commit messages by Conventional Commits 1.0.0.
//
// The parser is strict: it follows the specification's rules to the letter and
// says, with the rule's number and the place, what does not. Rule 16's synonym
// and rule 15's case-insensitivity included, it needs no preset.
package conventional

import (
	"fmt"
	"strings"
)

// Commit is one change as a commit message tells it.
type Commit struct {
	// Type is what sort of change it is, in lower case: "feat", "fix".
	Type string
	// Scope is the part of the code base, as written; "" without one.
	Scope string
	// Description is the short summary, one line.
	Description string
	// Body is the free text between description and footers.
	Body string
	// Bang is whether a "!" stands before the colon.
	Bang    bool
	Footers []Footer
	// Line and Column are where the header begins in the message, from 1.
	Line, Column int
	// Warnings are places where the message probably means something that it
	// does not say by the rules.
	Warnings []Problem
}

// Footer is a token and its value, which may have several paragraphs.
type Footer struct {
	Token     string // as written
	Separator string // ": " or " #"
	Value     string
}

// breaking reports whether the footer announces a breaking change (rules 12
// and 16).
func (f Footer) breaking() bool {
	return f.Separator == ": " && (f.Token == breakingSpace || f.Token == breakingDash)
}

// The two forms of the token of a breaking change.
const (
	breakingSpace = "BREAKING CHANGE"
	breakingDash  = "BREAKING-CHANGE"
)

// Breaking reports whether the commit breaks what users rely on.
func (c Commit) Breaking() bool { return c.Bang || len(c.breakingFooters()) > 0 }

// BreakingNotes returns what breaks and how to migrate: the values of the
// footers, or the description when only a "!" says so (rule 13); nil when
// nothing breaks.
func (c Commit) BreakingNotes() []string {
	notes := c.breakingFooters()
	if len(notes) == 0 && c.Bang {
		return []string{c.Description}
	}
	return notes
}

func (c Commit) breakingFooters() []string {
	var values []string
	for _, f := range c.Footers {
		if f.breaking() {
			values = append(values, f.Value)
		}
	}
	return values
}

// Values returns the values of all footers with the token, whatever its case.
func (c Commit) Values(token string) []string {
	var values []string
	for _, f := range c.Footers {
		if strings.EqualFold(f.Token, token) {
			values = append(values, f.Value)
		}
	}
	return values
}

// Header formats the commit's first line.
func (c Commit) Header() string {
	var b strings.Builder
	b.WriteString(c.Type)
	if c.Scope != "" {
		b.WriteString("(" + c.Scope + ")")
	}
	if c.Bang {
		b.WriteByte('!')
	}
	b.WriteString(": " + c.Description)
	return b.String()
}

// Problem is a place in a message that breaks a rule. As an error it says that
// the message is no conventional commit.
type Problem struct {
	Rule    int    `json:"rule"`   // of Conventional Commits 1.0.0
	Line    int    `json:"line"`   // from 1
	Column  int    `json:"column"` // from 1, in characters
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to write instead
}

// Error returns the place, what is wrong there, and the rule's number.
func (p *Problem) Error() string {
	return fmt.Sprintf("%d:%d: %s (rule %d)", p.Line, p.Column, p.Message, p.Rule)
}
