package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// maxProblems is how many problems are told at once.
const maxProblems = 20

// Problem is one thing that is wrong in a davit.yaml.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`   // from 1
	Column  int    `json:"column"` // from 1, in characters
	Message string `json:"message"`
	// Source is the offending line, without values that may be secrets.
	Source string `json:"source"`
	// Hint says what to write instead; it may be empty.
	Hint string `json:"hint,omitempty"`
}

// String formats the problem for people, over several lines.
func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s\n", p.File, p.Line, p.Column, p.Message)
	line, column := window([]rune(p.Source), p.Column)
	gutter := fmt.Sprintf("%5d", p.Line)
	fmt.Fprintf(&b, "%s | %s\n%*s | %s^\n", gutter, string(line), len(gutter), "", indent(line, column))
	if p.Hint != "" {
		fmt.Fprintf(&b, "      = %s\n", p.Hint)
	}
	return b.String()
}

// window cuts a line that is too long for a terminal around a column.
func window(line []rune, column int) (cut []rune, at int) {
	const width = 120
	if len(line) <= width {
		return line, column
	}
	from := max(0, min(column-1-width/2, len(line)-width))
	return line[from : from+width], column - from
}

// indent returns blanks as wide as what is before column, tabs kept.
func indent(line []rune, column int) string {
	var b strings.Builder
	for i := range column - 1 {
		if i < len(line) && line[i] == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// Problems are all things found wrong in a davit.yaml, in the order of the
// file, 20 at most. As an error they are a *davit.Error of CodeInvalid too.
type Problems []Problem

// Error returns all problems, each with its line, over several lines.
func (p Problems) Error() string {
	parts := make([]string, len(p))
	for i, problem := range p {
		parts[i] = problem.String()
	}
	return strings.TrimRight(strings.Join(parts, "\n"), "\n")
}

// Unwrap lets callers see the problems as a *davit.Error.
func (p Problems) Unwrap() error {
	return &davit.Error{Code: davit.CodeInvalid, Message: p.Error()}
}

// collector gathers problems of one source.
type collector struct {
	source   *source
	problems Problems
}

// problem records something wrong at a position.
func (c *collector) problem(at position, hint, format string, args ...any) {
	at = c.source.clamp(at)
	c.add(Problem{
		File: c.source.name, Line: at.line, Column: at.column,
		Message: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// add records problems that are not recorded yet.
func (c *collector) add(problems ...Problem) {
	for _, p := range problems {
		if !slices.Contains(c.problems, p) {
			c.problems = append(c.problems, p)
		}
	}
}

// err returns the problems in the order of the file, nil when there are none.
func (c *collector) err() error {
	if len(c.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(c.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	told := c.problems[:min(len(c.problems), maxProblems)]
	for i := range told { // only now is it known what must not be shown
		told[i].Source = c.source.line(told[i].Line)
	}
	return told
}
