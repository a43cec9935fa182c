package flag

import (
	"fmt"
	"strings"

	"github.com/davit-dev/davit"
)

// Problem is something wrong with flags or segments.
type Problem struct {
	// Place is where it is, in the names of the JSON:
	// `flags[checkout-v2].environments[production].rules[0].when.values[1]`.
	Place   string `json:"place"`
	Message string `json:"message"`
}

// Problems are what is wrong with flags and segments.
type Problems []Problem

// problemsMost bounds how many problems are told at once.
const problemsMost = 20

// Error returns one problem a line.
func (p Problems) Error() string {
	lines := make([]string, 0, len(p))
	for _, problem := range p {
		lines = append(lines, problem.Place+": "+problem.Message)
	}
	return strings.Join(lines, "\n")
}

// err returns the problems as an error of CodeInvalid; nil when there are none.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &davit.Error{Code: davit.CodeInvalid, Message: "the flags are not valid", Err: p}
}

// place is where in flags and segments the compiler is, and what it found wrong.
type place struct {
	path  string
	found *Problems
}

func (p place) field(name string) place { return place{p.path + "." + name, p.found} }

func (p place) index(i int) place { return place{fmt.Sprintf("%s[%d]", p.path, i), p.found} }

func (p place) key(key string) place { return place{p.path + "[" + key + "]", p.found} }

// wrong notes a problem.
func (p place) wrong(format string, args ...any) {
	if len(*p.found) < problemsMost {
		*p.found = append(*p.found, Problem{Place: p.path, Message: fmt.Sprintf(format, args...)})
	}
}
