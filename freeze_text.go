package davit

import (
	"fmt"
	"strings"
	"time"
)

// WeekSpan is a part of every week; as text "Fri 16:00 - Mon 08:00".
type WeekSpan struct{ From, To WeekTime }

// WeekTime is a time of a week.
type WeekTime struct {
	Day    time.Weekday
	Minute int // of the day
}

// DateSpan is a time between two dates, whole days unless they have a time of
// day; as text "2026-12-20 - 2027-01-03", "2026-12-24 12:00 - 2026-12-27 08:00",
// or "2026-11-27" for one day.
type DateSpan struct{ From, To Civil }

// Civil is a time as calendar and clock of some zone show it.
type Civil struct {
	Year   int
	Month  time.Month
	Day    int
	Minute int // of the day; 1440 is its end
}

const minutesOfDay = 24 * 60

func civilOf(day time.Time, minute int) Civil {
	return Civil{day.Year(), day.Month(), day.Day(), minute}
}

// UnmarshalText reads what MarshalText writes.
func (s *WeekSpan) UnmarshalText(text []byte) error {
	from, to, ok := strings.Cut(string(text), " - ")
	if !ok {
		return fmt.Errorf("reading %q as a part of the week: it has no %q", text, " - ")
	}
	var read WeekSpan
	for part, into := range map[string]*WeekTime{from: &read.From, to: &read.To} {
		at, err := time.Parse("Mon 15:04", part)
		if err != nil {
			return fmt.Errorf("reading %q as a part of the week: %w", text, err)
		}
		day, ok := weekday(part)
		if !ok {
			return fmt.Errorf("reading %q as a part of the week: there is no such day", text)
		}
		*into = WeekTime{day, at.Hour()*60 + at.Minute()}
	}
	if read.From == read.To || from == to {
		return fmt.Errorf("reading %q as a part of the week: it would never end", text)
	}
	*s = read
	return nil
}

// weekday returns the day that a text begins with: "Mon".
func weekday(text string) (time.Weekday, bool) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if strings.HasPrefix(text, day.String()[:3]) {
			return day, true
		}
	}
	return 0, false
}

// MarshalText writes the span as "Fri 16:00 - Mon 08:00".
func (s WeekSpan) MarshalText() ([]byte, error) {
	return []byte(s.From.String() + " - " + s.To.String()), nil
}

// String formats the time as "Fri 16:00".
func (t WeekTime) String() string {
	return fmt.Sprintf("%s %s", t.Day.String()[:3], clock(t.Minute))
}

func clock(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

// UnmarshalText reads what MarshalText writes.
func (s *DateSpan) UnmarshalText(text []byte) error {
	from, to, two := strings.Cut(string(text), " - ")
	if !two {
		to = from
	}
	var read DateSpan
	var err error
	if read.From, err = parseCivil(from, 0); err == nil {
		read.To, err = parseCivil(to, minutesOfDay)
	}
	if err != nil {
		return fmt.Errorf("reading %q as dates: %w", text, err)
	}
	if first, last := read.From.instant(time.UTC, false), read.To.instant(time.UTC, true); !first.Before(last) {
		return fmt.Errorf("reading %q as dates: it ends before it begins", text)
	}
	*s = read
	return nil
}

// parseCivil reads a date with or without a time of day.
func parseCivil(text string, minute int) (Civil, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return civilOf(day, minute), nil
	}
	at, err := time.Parse("2006-01-02 15:04", text)
	return civilOf(at, at.Hour()*60+at.Minute()), err
}

// MarshalText writes the span as its type says, always with both ends.
func (s DateSpan) MarshalText() ([]byte, error) {
	return []byte(s.From.text(0) + " - " + s.To.text(minutesOfDay)), nil
}

// text leaves out the time of day when it is the one that a date alone means.
func (c Civil) text(minute int) string {
	date := fmt.Sprintf("%04d-%02d-%02d", c.Year, c.Month, c.Day)
	if c.Minute == minute {
		return date
	}
	return date + " " + clock(c.Minute)
}
