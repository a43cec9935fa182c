package kubernetes

import "time"

// How long it is remembered that a Gateway did not mark the answers of a trial: it may
// only have been slow. Every further time it is believed for twice as long, since each
// trial of a Gateway that cannot do it holds a step up.
const (
	doubtFirst = 30 * time.Second
	doubtLast  = time.Hour
)

// tried is what trials have shown of a Gateway. That it marks answers is remembered
// for good. The zero one knows nothing.
type tried struct {
	marks marking
	until time.Time     // while that is believed, if there are none
	doubt time.Duration // for how long it was believed last
}

// recall returns what is known; known is false when it is to be tried.
func (m *tried) recall(now time.Time) (marks marking, known bool) {
	return m.marks, m.marks != noMarks || now.Before(m.until)
}

// note takes in what a trial has shown.
func (m *tried) note(marks marking, now time.Time) {
	m.marks = marks
	if marks == noMarks {
		m.doubt = min(max(2*m.doubt, doubtFirst), doubtLast)
		m.until = now.Add(m.doubt)
	}
}
