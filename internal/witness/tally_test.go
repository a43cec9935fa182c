package witness

import (
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"pgregory.net/rapid"
)

const (
	ms       = time.Millisecond
	interval = 50 * ms
)

// event is something that happens to a tally.
type event struct {
	at time.Duration
	do func(*tally)
}

// play runs n probes; answer returns the arrival of the k-th probe's answer, or
// the kind of its failure and when that was known.
func play(t *tally, n int, answer func(due time.Duration) (arrived time.Duration, kind string)) {
	var events []event
	add := func(at time.Duration, do func(*tally)) {
		i := len(events)
		for i > 0 && events[i-1].at > at {
			i--
		}
		events = append(events[:i], append([]event{{at, do}}, events[i:]...)...)
	}
	for k := range n {
		due := time.Duration(k) * interval
		add(due, func(t *tally) { t.sent(due) })
		arrived, kind := answer(due)
		add(arrived, func(t *tally) {
			if kind != "" {
				t.failure(due, kind)
			} else {
				t.answer(arrived, arrived-due)
			}
		})
	}
	for _, e := range events {
		e.do(t)
	}
}

// A door that stops answering for a time, to answer everything at its end.
func TestStopWithoutFailure(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		from := time.Duration(rapid.IntRange(500_000, 1_000_000).Draw(rt, "from")) * time.Microsecond
		length := time.Duration(rapid.IntRange(151_000, 1_500_000).Draw(rt, "length")) * time.Microsecond
		tl := &tally{interval: interval, serving: true}
		play(tl, 80, func(due time.Duration) (time.Duration, string) {
			if due+ms > from && due < from+length {
				return from + length + ms, ""
			}
			return due + ms, ""
		})
		got := tl.measured(80 * interval)
		if off := got.Downtime.D() - length; off < -interval/2-2*ms || off > interval/2+2*ms || got.Outages != 1 {
			rt.Errorf("a stop of %s is measured as %s in %d outages", length, got.Downtime, got.Outages)
		}
		if got.Failed != 0 || got.LongestGap.D() < length || got.LongestGap.D() > length+interval+ms {
			rt.Errorf("a stop of %s: %s", length, got)
		}
	})
}

// A door that refuses everything for a time.
func TestStopWithFailures(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		from := time.Duration(rapid.IntRange(500_000, 1_000_000).Draw(rt, "from")) * time.Microsecond
		length := time.Duration(rapid.IntRange(50_000, 1_500_000).Draw(rt, "length")) * time.Microsecond
		tl := &tally{interval: interval, serving: true}
		refused := int64(0)
		play(tl, 80, func(due time.Duration) (time.Duration, string) {
			if due >= from && due < from+length {
				refused++
				return due + ms, Dial
			}
			return due + ms, ""
		})
		got := tl.measured(80 * interval)
		if off := got.Downtime.D() - length; off < -interval-ms || off > interval+ms {
			rt.Errorf("a stop of %s is measured as %s", length, got.Downtime)
		}
		if got.Failed != refused || got.Failures[Dial] != refused {
			rt.Errorf("%d refused: %s", refused, got)
		}
	})
}

func TestTally(t *testing.T) {
	steady := func(due time.Duration) (time.Duration, string) { return due + ms, "" }
	for _, c := range []struct {
		name     string
		serving  bool
		answer   func(due time.Duration) (time.Duration, string)
		probes   int64
		failed   int64
		before   int64
		gap      time.Duration
		downtime time.Duration
	}{
		{name: "all is well", serving: true, answer: steady, probes: 40, gap: 50 * ms},
		{
			name: "a slow application is not down", serving: true, probes: 40, gap: 400 * ms,
			answer: func(due time.Duration) (time.Duration, string) { return due + 400*ms, "" },
		},
		{
			name: "one probe hangs while others are answered", serving: true, probes: 40, failed: 1, gap: 100 * ms,
			answer: func(due time.Duration) (time.Duration, string) {
				if due == 500*ms {
					return due + 700*ms, Timeout
				}
				return steady(due)
			},
		},
		{
			name: "one probe fails", serving: true, probes: 40, failed: 1, gap: 100 * ms, downtime: 51 * ms,
			answer: func(due time.Duration) (time.Duration, string) {
				if due == 500*ms {
					return due + ms, ServerError
				}
				return steady(due)
			},
		},
		{
			name: "a wait of two intervals is no outage", serving: true, probes: 40, gap: 149 * ms,
			answer: func(due time.Duration) (time.Duration, string) {
				if due == 500*ms || due == 550*ms {
					return 600 * ms, ""
				}
				return steady(due)
			},
		},
		{
			name: "nothing served before", probes: 30, before: 10, gap: 50 * ms,
			answer: func(due time.Duration) (time.Duration, string) {
				if due < 500*ms {
					return due + ms, Dial
				}
				return steady(due)
			},
		},
		{
			name: "it never comes back", serving: true, probes: 40, failed: 20, gap: 1049 * ms, downtime: 1000 * ms,
			answer: func(due time.Duration) (time.Duration, string) {
				if due >= 1000*ms {
					return due + ms, Reset
				}
				return steady(due)
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			tl := &tally{interval: interval, serving: c.serving}
			play(tl, 40, c.answer)
			now := 40 * interval
			if c.gap == 400*ms {
				now += 350 * ms // the last answers arrive
			}
			m := tl.measured(now)
			if m.Probes != c.probes || m.Failed != c.failed || m.Before != c.before || m.LongestGap.D() != c.gap || m.Downtime.D() != c.downtime {
				t.Errorf("%d probes (%d before), %d failed, gap %s, downtime %s\nwant %d (%d), %d, %s, %s",
					m.Probes, m.Before, m.Failed, m.LongestGap, m.Downtime, c.probes, c.before, c.failed, c.gap, c.downtime)
			}
		})
	}
}

// What the witness slept through is neither gap nor downtime.
func TestStarved(t *testing.T) {
	tl := &tally{interval: interval, serving: true}
	for k := range 10 {
		due := time.Duration(k) * interval
		tl.sent(due)
		tl.answer(due+ms, ms)
	}
	// It runs again at 1.23 s: the probes due from 500 ms on are late, all but
	// the last of them missed.
	tl.late(500*ms, 1230*ms, 14)
	tl.sent(1200 * ms)
	tl.answer(1232*ms, 2*ms)
	m := tl.measured(1240 * ms)
	if m.Starved.D() != 730*ms || m.Missed != 14 {
		t.Errorf("starved for %s, %d missed; want 730ms and 14", m.Starved, m.Missed)
	}
	if want := 1232*ms - 451*ms - 730*ms; m.LongestGap.D() != want || m.Downtime != 0 {
		t.Errorf("gap %s, downtime %s; want %s and 0", m.LongestGap, m.Downtime, want)
	}
}

// A long outage takes no more memory than a short one.
func TestLongOutageIsBounded(t *testing.T) {
	tl := &tally{interval: interval, serving: true}
	tl.sent(0)
	tl.answer(ms, ms)
	for k := 1; k <= 100_000; k++ {
		due := time.Duration(k) * interval
		tl.sent(due)
		tl.failure(due, Dial)
	}
	end := 100_001 * interval
	if m := tl.measured(end); m.Downtime.D() != end-interval || m.Outages != 1 || m.Failed != 100_000 {
		t.Errorf("measured %s, want a downtime of %s", m, davit.Duration(end-interval))
	}
	if len(tl.waiting) > maxWaiting {
		t.Errorf("%d slots are kept", len(tl.waiting))
	}
}
