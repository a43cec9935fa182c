package kubernetes

import (
	"testing"
	"time"
)

// A Gateway that did not mark the answers of a trial is tried again, ever more seldom;
// one that did is not.
func TestTried(t *testing.T) {
	var m tried
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if _, known := m.recall(now); known {
		t.Error("it knows what was never tried")
	}
	for n, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
		m.note(noMarks, now)
		if marks, known := m.recall(now.Add(want - time.Nanosecond)); !known || marks != noMarks {
			t.Errorf("after trial %d it is in doubt before %s", n+1, want)
		}
		now = now.Add(want)
		if _, known := m.recall(now); known {
			t.Errorf("after trial %d it is sure for more than %s", n+1, want)
		}
	}
	m.note(ruleMarks, now)
	if marks, known := m.recall(now.AddDate(1, 0, 0)); !known || marks != ruleMarks {
		t.Error("it forgets what was seen")
	}
}
