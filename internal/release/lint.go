package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/conventional"
	"github.com/davit-dev/davit/internal/release/git"
)

// Complaint is what is wrong with one commit message.
type Complaint struct {
	Commit string `json:"commit,omitempty"` // "" for a message from elsewhere
	conventional.Problem
	Source string `json:"source"` // the line
}

// LintMessage returns what is wrong with a message. Merges and fixups that git
// writes are not judged.
func LintMessage(types map[string]davit.CommitType, message string) []Complaint {
	first := subject(message)
	if isFixup(first) || strings.HasPrefix(first, "Merge ") {
		return nil
	}
	var problems []conventional.Problem
	commits, err := conventional.ParseAll(message)
	if problem, ok := errors.AsType[*conventional.Problem](err); ok {
		problems = append(problems, *problem)
	}
	for _, one := range commits {
		problems = append(problems, one.Warnings...)
		if _, known := types[one.Type]; !known {
			hint := "use one of " + strings.Join(slices.Sorted(maps.Keys(types)), ", ") + ", or add it under release.types"
			problems = append(problems, conventional.Problem{Rule: 14, Line: one.Line, Column: one.Column, Message: fmt.Sprintf("there is no type %q", one.Type), Hint: hint})
		}
	}
	lines := strings.Split(strings.ReplaceAll(message, "\r\n", "\n"), "\n")
	complaints := make([]Complaint, len(problems))
	for i, p := range problems {
		complaints[i] = Complaint{Problem: p, Source: strings.ToValidUTF8(lines[min(p.Line, len(lines))-1], "\uFFFD")}
	}
	return complaints
}

// Lint judges the messages of a range "from..to", or of one commit, corrected
// where they were.
func Lint(ctx context.Context, repo *git.Repo, c *davit.Releasing, chosen string) ([]Complaint, error) {
	from, to, isRange := strings.Cut(chosen, "..")
	if !isRange {
		from, to = chosen+"^", chosen
	}
	for _, name := range []*string{&from, &to} {
		if *name == "" {
			*name = "HEAD"
		}
		hash, err := repo.Run(ctx, "rev-parse", "--verify", "-q", "--end-of-options", *name+"^{commit}")
		if err != nil && !(name == &from && !isRange) { // the first commit has no parent
			return nil, &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("there is no commit %q", *name), Hint: "name a range as git does: origin/main..HEAD"}
		}
		*name = strings.TrimSpace(hash)
	}
	overrides, err := LoadOverrides(filepath.Join(repo.Root, filepath.FromSlash(c.Messages)))
	if err != nil {
		return nil, err
	}
	var complaints []Complaint
	for commit, err := range repo.Log(ctx, git.Range{From: from, To: to}) {
		if err != nil {
			return nil, err
		}
		if len(commit.Parents) > 1 {
			continue
		}
		for _, complaint := range LintMessage(c.Types, overrides.message(commit)) {
			complaint.Commit = commit.Hash
			complaints = append(complaints, complaint)
		}
		if !isRange {
			break
		}
	}
	return complaints, nil
}

// StripComments returns a message as git will keep it of what an editor saved:
// without comment lines, and without what is below the scissors.
func StripComments(message string) string {
	var b strings.Builder
	for line := range strings.Lines(message) {
		if strings.HasPrefix(line, "# ------------------------ >8 ------------------------") {
			break
		}
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// Caret returns the complaint's line and a caret under its place, on a terminal
// that shows what cannot be printed as one character.
func (c Complaint) Caret() string {
	var blank strings.Builder
	column := 1
	for _, r := range c.Source {
		if column++; column > c.Column {
			break
		}
		if r == '\t' { // as wide as the one above it
			blank.WriteByte('\t')
			continue
		}
		blank.WriteString(strings.Repeat(" ", columns(r)))
	}
	return c.Source + "\n" + blank.String() + "^"
}

// columns returns how many columns of a terminal a character takes.
func columns(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me): // it stands on the one before it
		return 0
	case !unicode.IsPrint(r):
		return 1
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}
