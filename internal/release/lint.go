package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

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
			problems = append(problems, conventional.Problem{Rule: 14, Line: 1, Column: 1, Message: fmt.Sprintf("there is no type %q", one.Type), Hint: hint})
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

// Caret returns the complaint's line and a caret under its place.
func (c Complaint) Caret() string {
	at := min(c.Column-1, utf8.RuneCountInString(c.Source))
	blank := []rune(c.Source)[:at]
	for i, r := range blank {
		if r != '\t' {
			blank[i] = ' '
		}
	}
	return c.Source + "\n" + string(blank) + "^"
}
