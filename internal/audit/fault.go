package audit

import "fmt"

// FaultKind is the sort of a fault.
type FaultKind string

// The kinds of fault.
const (
	Changed    FaultKind = "changed"     // an entry, or what seals it, is not as it was sealed
	Missing    FaultKind = "missing"     // an entry was removed
	Misplaced  FaultKind = "misplaced"   // another entry stands in an entry's place
	CutOff     FaultKind = "cut off"     // the log ends too early
	Malformed  FaultKind = "malformed"   // not what an export consists of
	RolledBack FaultKind = "rolled back" // shorter than it was
	Forked     FaultKind = "forked"      // signed twice, with different entries
)

// Fault says what is wrong with a log, and where first: every entry before
// Entry is as it was sealed.
type Fault struct {
	Kind FaultKind `json:"kind"`
	// Entry is the index of the first bad entry: one past the last entry for
	// a fault of the end, -1 for one of the header. Of a fork it is known
	// only that it is no later than Entry.
	Entry int64 `json:"entry"`
	// Line is the line of the export, from 1; 0 in a store.
	Line   int    `json:"line,omitempty"`
	Detail string `json:"detail"`
}

// Error says what is wrong and where.
func (f *Fault) Error() string {
	if f.Line > 0 {
		return fmt.Sprintf("line %d: %s", f.Line, f.Detail)
	}
	return f.Detail
}

func fault(kind FaultKind, entry int64, format string, args ...any) *Fault {
	return &Fault{Kind: kind, Entry: entry, Detail: fmt.Sprintf(format, args...)}
}
