package flag

import (
	"bytes"
	"encoding/json"

	"github.com/davit-dev/davit"
)

// SameForFlagd reports whether a segment that came from flagd says what one of
// those that there are says, written as flagd has it.
func SameForFlagd(came davit.Segment, there []davit.Segment) bool {
	ex := &exporter{shared: map[string]any{}, segments: make(map[string]*davit.Segment, len(there))}
	for i := range there {
		ex.segments[there[i].Key] = &there[i]
	}
	if ex.segments[came.Key] == nil || came.When == nil {
		return false
	}
	shared, err := ex.segment(came.Key, true)
	if err != nil {
		return false
	}
	text, err := encode(shared, "")
	if err != nil {
		return false
	}
	var decoded any
	if err := json.Unmarshal(text, &decoded); err != nil {
		return false
	}
	when, ok := (&importer{}).condition(decoded)
	if !ok {
		return false
	}
	a, errA := json.Marshal(came.When)
	b, errB := json.Marshal(when)
	return errA == nil && errB == nil && bytes.Equal(a, b) && len(came.Include)+len(came.Exclude) == 0
}
