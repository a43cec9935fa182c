package davit

import (
	"fmt"
	"time"
)

// Freeze is when an environment is not to be deployed to. Going back is never
// frozen.
type Freeze struct {
	Name   string     `json:"name"`
	Zone   string     `json:"zone,omitempty"` // of the IANA database; UTC when empty
	Weekly []WeekSpan `json:"weekly,omitempty"`
	Dates  []DateSpan `json:"dates,omitempty"`
}

// Frozen says which freeze holds, and when none does any more.
type Frozen struct {
	Name  string    `json:"name"`
	Until time.Time `json:"until"`
}

// frozenMost bounds how far the end of freezes that follow one another is looked
// for.
const frozenMost = 5 * 366 * 24 * time.Hour

// FrozenAt returns the freeze that holds at a time, nil when none does. Until is
// when no freeze holds any more, whichever follow one another. It returns an
// *Error of CodeInvalid for a zone that does not exist, and for freezes without
// an end.
func FrozenAt(freezes []Freeze, now time.Time) (*Frozen, error) {
	var found *Frozen
	for at := now; ; {
		next, err := oneFreeze(freezes, at)
		switch {
		case err != nil:
			return nil, err
		case next == nil:
			return found, nil
		case found == nil:
			found = next
		case next.Until.Sub(now) > frozenMost:
			return nil, &Error{Code: CodeInvalid, Message: fmt.Sprintf("the freezes that begin with %q never end", found.Name)}
		}
		found.Until, at = next.Until, next.Until
	}
}

// oneFreeze returns a freeze that holds at a time, and when that one ends.
func oneFreeze(freezes []Freeze, at time.Time) (*Frozen, error) {
	for _, f := range freezes {
		zone, err := time.LoadLocation(f.Zone)
		if err != nil {
			return nil, &Error{
				Code: CodeInvalid, Message: fmt.Sprintf("freeze %q is in a zone %q that does not exist", f.Name, f.Zone),
				Hint: "write a name of the IANA database, such as Europe/Berlin",
			}
		}
		if end, ok := f.until(at, zone); ok {
			return &Frozen{Name: f.Name, Until: end.UTC()}, nil
		}
	}
	return nil, nil
}

func (f Freeze) until(at time.Time, zone *time.Location) (end time.Time, ok bool) {
	for _, span := range f.Weekly {
		if end, ok := span.until(at, zone); ok {
			return end, true
		}
	}
	for _, span := range f.Dates {
		start, end := span.From.instant(zone, false), span.To.instant(zone, true)
		if !at.Before(start) && at.Before(end) {
			return end, true
		}
	}
	return end, false
}

// until returns the end of the span's week that a time is in.
func (s WeekSpan) until(at time.Time, zone *time.Location) (end time.Time, ok bool) {
	year, month, day := at.In(zone).Date()
	for back := -1; back <= 8; back++ { // a day to both sides, where the clock was set
		first := time.Date(year, month, day-back, 0, 0, 0, 0, time.UTC)
		if first.Weekday() != s.From.Day {
			continue
		}
		last := first.AddDate(0, 0, s.days())
		start, end := civilOf(first, s.From.Minute).instant(zone, false), civilOf(last, s.To.Minute).instant(zone, true)
		if !at.Before(start) && at.Before(end) {
			return end, true
		}
	}
	return end, false
}

// days returns how many days after its first the span ends.
func (s WeekSpan) days() int {
	days := (int(s.To.Day-s.From.Day) + 7) % 7
	if days == 0 && s.To.Minute <= s.From.Minute {
		days = 7
	}
	return days
}

// instant returns when a zone's clocks show the time. Where they show it twice,
// or never, because they are set, there are two answers: the later one, or the
// earlier one, so that a freeze is rather too long.
func (c Civil) instant(zone *time.Location, late bool) time.Time {
	shown := time.Date(c.Year, c.Month, c.Day, 0, c.Minute, 0, 0, time.UTC)
	var right, wrong []time.Time
	for _, beside := range []time.Duration{-26 * time.Hour, 26 * time.Hour} { // no zone is that far from UTC
		_, offset := shown.Add(beside).In(zone).Zone()
		at := shown.Add(-time.Duration(offset) * time.Second)
		if _, is := at.In(zone).Zone(); is == offset {
			right = append(right, at)
		} else {
			wrong = append(wrong, at)
		}
	}
	answers := append(right, wrong...)
	if len(right) > 0 {
		answers = right
	}
	first, last := answers[0], answers[len(answers)-1]
	if late == first.After(last) {
		return first
	}
	return last
}
