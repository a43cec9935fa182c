package witness

import (
	"slices"
	"time"

	"github.com/davit-dev/davit"
)

// tally turns what became of probes into figures. It knows no clock: every time
// is an offset from the probe's start, as the monotonic clock counts.
type tally struct {
	interval time.Duration
	figures  davit.Measured // cumulative; what is under way is added in measured
	latency  davit.Histogram

	serving bool          // something answered once, or did before
	last    time.Duration // arrival of the last answer, or the start of counting
	waiting []slot        // due after the last answer; the first one begins an outage
	starved []span        // since the last answer
	claimed time.Duration // up to where starvation has been counted
}

// slot is a probe that was sent after the last answer.
type slot struct {
	due    time.Duration
	failed bool
}

// span is a stretch of time.
type span struct{ from, to time.Duration }

// maxWaiting bounds the slots that are kept. Of a long outage the first and the
// last ones matter.
const maxWaiting = 256

// sent notes a probe that was due and was sent.
func (t *tally) sent(due time.Duration) {
	if !t.serving {
		t.figures.Before++
	} else {
		t.figures.Probes++
	}
	if len(t.waiting) == maxWaiting {
		middle := t.waiting[1 : maxWaiting/2]
		for _, s := range middle {
			t.waiting[0].failed = t.waiting[0].failed || s.failed
		}
		t.waiting = append(t.waiting[:1], t.waiting[maxWaiting/2:]...)
	}
	t.waiting = append(t.waiting, slot{due: due})
}

// late notes that the witness ran only at a time when missed probes had been due
// since from.
func (t *tally) late(from, to time.Duration, missed int64) {
	t.figures.Missed += missed
	from = max(from, t.claimed)
	if from >= to {
		return
	}
	t.claimed = to
	t.figures.Starved += davit.Duration(to - from)
	t.starved = append(t.starved, span{from, to})
}

// failure notes that the probe that was due then failed.
func (t *tally) failure(due time.Duration, kind string) {
	if !t.serving {
		return
	}
	t.figures.Failed++
	if t.figures.Failures == nil {
		t.figures.Failures = map[string]int64{}
	}
	t.figures.Failures[kind]++
	for i := len(t.waiting) - 1; i >= 0; i-- {
		if t.waiting[i].due == due {
			t.waiting[i].failed = true
		}
	}
}

// answer notes an answer that arrived at a time, after latency.
func (t *tally) answer(arrived, latency time.Duration) {
	t.latency.Observe(latency)
	switch {
	case !t.serving: // the first probe that counts
		t.serving = true
		t.figures.Before--
		t.figures.Probes++
	case arrived < t.last: // of two that arrived together
		return
	default:
		gap, outage := t.silence(arrived)
		if outage > 0 && latency > t.interval {
			// A probe that waited saw the very end. Of the beginning it is
			// known that it lies between the last answer and the first probe.
			outage += min(t.watched(t.last, t.waiting[0].due), t.interval) / 2
		}
		t.count(&t.figures, gap, outage)
	}
	t.last = arrived
	t.waiting = slices.DeleteFunc(t.waiting, func(s slot) bool { return s.due <= arrived })
	t.starved = slices.DeleteFunc(t.starved, func(s span) bool { return s.to <= arrived })
}

// silence returns how long there was no answer until a time, and how much of it
// is an outage, without the time in which the witness was starved.
func (t *tally) silence(until time.Duration) (gap, outage time.Duration) {
	gap = t.watched(t.last, until)
	if len(t.waiting) == 0 || t.waiting[0].due >= until {
		return gap, 0
	}
	length := t.watched(t.waiting[0].due, until)
	failed := false
	for _, s := range t.waiting {
		failed = failed || s.failed && s.due < until
	}
	if !failed && length <= t.usual() {
		return gap, 0
	}
	return gap, length
}

// usual is how long nobody being answered is no outage yet.
func (t *tally) usual() time.Duration {
	return max(2*t.interval, 3*t.latency.Quantile(0.5))
}

// watched returns how much of a stretch the witness was not starved for.
func (t *tally) watched(from, to time.Duration) time.Duration {
	length := to - from
	for _, s := range t.starved {
		length -= max(min(s.to, to)-max(s.from, from), 0)
	}
	return max(length, 0)
}

func (t *tally) count(m *davit.Measured, gap, outage time.Duration) {
	m.LongestGap = max(m.LongestGap, davit.Duration(gap))
	if outage > 0 {
		m.Downtime += davit.Duration(outage)
		m.Outages++
	}
	m.Resolution = davit.Duration(t.interval) * davit.Duration(max(m.Outages, 1))
}

// measured returns the figures at a time, with the silence that goes on then.
func (t *tally) measured(now time.Duration) davit.Measured {
	m := t.figures
	gap, outage := time.Duration(0), time.Duration(0)
	if t.serving {
		gap, outage = t.silence(now)
	}
	t.count(&m, gap, outage)
	return m
}
