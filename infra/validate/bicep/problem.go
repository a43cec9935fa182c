package bicep

import "fmt"

// Position is a place in a file, both numbers from 1.
type Position struct{ Line, Column int }

// Problem is something that is wrong with a file, and where.
type Problem struct {
	File string
	Position
	Text string
}

// Error says it as compilers do.
func (p *Problem) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Problems are the problems of several files.
type Problems []*Problem

func (ps *Problems) add(file string, at Position, format string, args ...any) {
	*ps = append(*ps, &Problem{file, at, fmt.Sprintf(format, args...)})
}
