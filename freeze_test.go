package davit

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func freeze(t *testing.T, zone, weekly, dates string) Freeze {
	t.Helper()
	f := Freeze{Name: zone, Zone: zone}
	if weekly != "" {
		f.Weekly = make([]WeekSpan, 1)
		if err := f.Weekly[0].UnmarshalText([]byte(weekly)); err != nil {
			t.Fatal(err)
		}
	}
	if dates != "" {
		f.Dates = make([]DateSpan, 1)
		if err := f.Dates[0].UnmarshalText([]byte(dates)); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestFreezes(t *testing.T) {
	berlin := func(weekly, dates string) []Freeze { return []Freeze{freeze(t, "Europe/Berlin", weekly, dates)} }
	for name, test := range map[string]struct {
		freezes    []Freeze
		now, until string // "" is not frozen
	}{
		"just before the weekend":       {berlin("Fri 16:00 - Mon 08:00", ""), "2026-11-20T15:59:59+01:00", ""},
		"the weekend begins":            {berlin("Fri 16:00 - Mon 08:00", ""), "2026-11-20T16:00:00+01:00", "2026-11-23T07:00:00Z"},
		"the weekend ends":              {berlin("Fri 16:00 - Mon 08:00", ""), "2026-11-23T08:00:00+01:00", ""},
		"within, told in another zone":  {berlin("Fri 16:00 - Mon 08:00", ""), "2026-11-22T20:00:00-10:00", "2026-11-23T07:00:00Z"},
		"clocks forward in the weekend": {berlin("Sat 00:00 - Mon 00:00", ""), "2026-03-28T00:00:00+01:00", "2026-03-29T22:00:00Z"},
		"clocks back in the weekend":    {berlin("Sat 00:00 - Mon 00:00", ""), "2026-10-24T00:00:00+02:00", "2026-10-25T23:00:00Z"},
		"begins at an hour that is not": {berlin("Sun 02:30 - Sun 06:00", ""), "2026-03-29T00:30:00Z", "2026-03-29T04:00:00Z"},
		"not before it":                 {berlin("Sun 02:30 - Sun 06:00", ""), "2026-03-29T00:29:59Z", ""},
		"ends at an hour that is not":   {berlin("Sat 20:00 - Sun 02:30", ""), "2026-03-29T01:29:59Z", "2026-03-29T01:30:00Z"},
		"begins at an hour twice":       {berlin("Sun 02:30 - Sun 06:00", ""), "2026-10-25T00:30:00Z", "2026-10-25T05:00:00Z"},
		"ends at an hour twice":         {berlin("Sat 20:00 - Sun 02:30", ""), "2026-10-25T01:29:59Z", "2026-10-25T01:30:00Z"},
		"is over after the second":      {berlin("Sat 20:00 - Sun 02:30", ""), "2026-10-25T01:30:00Z", ""},
		"nearly a whole week":           {berlin("Mon 09:00 - Mon 08:00", ""), "2026-11-29T12:00:00Z", "2026-11-30T07:00:00Z"},
		"within one day":                {berlin("Fri 12:00 - Fri 13:00", ""), "2026-11-20T12:30:00+01:00", "2026-11-20T12:00:00Z"},
		"a blackout day":                {berlin("", "2026-11-27"), "2026-11-26T23:00:00Z", "2026-11-27T23:00:00Z"},
		"the day after":                 {berlin("", "2026-11-27"), "2026-11-27T23:00:00Z", ""},
		"a day of 23 hours":             {berlin("", "2026-03-29"), "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		"over the year's end":           {berlin("", "2026-12-20 - 2027-01-03"), "2027-01-03T22:59:59Z", "2027-01-03T23:00:00Z"},
		"with times of day":             {berlin("", "2026-12-24 12:00 - 2026-12-27 08:00"), "2026-12-24T11:00:00Z", "2026-12-27T07:00:00Z"},
		"a day that a zone left out":    {[]Freeze{freeze(t, "Pacific/Apia", "", "2011-12-30")}, "2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z"},
		"one follows another": {append(berlin("Fri 16:00 - Mon 08:00", ""), freeze(t, "UTC", "", "2026-11-23"), freeze(t, "America/New_York", "Mon 18:00 - Tue 09:00", "")),
			"2026-11-21T12:00:00Z", "2026-11-24T14:00:00Z"},
		"half-hour zone":   {[]Freeze{freeze(t, "Australia/Lord_Howe", "", "2026-04-05")}, "2026-04-05T12:00:00Z", "2026-04-05T13:30:00Z"},
		"no zone is UTC":   {[]Freeze{freeze(t, "", "", "2026-11-27")}, "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z"},
		"no freeze at all": {nil, "2026-11-27T00:00:00Z", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := FrozenAt(test.freezes, at(t, test.now))
			switch {
			case err != nil:
				t.Fatal(err)
			case test.until == "" && got != nil:
				t.Errorf("frozen until %s, want not frozen", got.Until)
			case test.until != "" && (got == nil || !got.Until.Equal(at(t, test.until))):
				t.Errorf("got %+v, want until %s", got, test.until)
			}
		})
	}
}

func TestFreezesThatCannotBe(t *testing.T) {
	forEver := freeze(t, "UTC", "Mon 00:00 - Thu 00:00", "")
	forEver.Weekly = append(forEver.Weekly, freeze(t, "UTC", "Wed 00:00 - Mon 00:00", "").Weekly...)
	for name, f := range map[string]Freeze{"without an end": forEver, "nowhere": {Zone: "Europe/Atlantis"}} {
		if _, err := FrozenAt([]Freeze{f}, at(t, "2026-11-23T00:00:00Z")); ErrorCode(err) != CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"", "Fri 16:00", "Fri 16:00 - ", "Fri 24:00 - Mon 08:00", "Fry 16:00 - Mon 08:00", "Fri 16:00 - Fri 16:00", "Fri 16:00-Mon 08:00", "Fri 16:00 - Mon 08:00 - Tue 08:00"} {
		if err := new(WeekSpan).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a part of the week", text)
		}
	}
	for _, text := range []string{"", "2026-02-30", "2026-12-20 - 2026-12-19", "2026-12-20 12:00 - 2026-12-20 12:00", "2026-12-20 - ", "20.12.2026"} {
		if err := new(DateSpan).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q are dates", text)
		}
	}
}

// TestFreezeShowsItsOwnClock holds freezes to what people read off a clock in
// the zone, which is all that they are about.
func TestFreezeShowsItsOwnClock(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo"}
	rapid.Check(t, func(t *rapid.T) {
		span := WeekSpan{
			WeekTime{time.Weekday(rapid.IntRange(0, 6).Draw(t, "from")), rapid.IntRange(0, 1439).Draw(t, "minute")},
			WeekTime{time.Weekday(rapid.IntRange(0, 6).Draw(t, "to")), rapid.IntRange(0, 1439).Draw(t, "minute")},
		}
		if span.From == span.To {
			return
		}
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(rapid.Int64Range(1.6e9, 1.9e9).Draw(t, "now"), 0)
		local := now.In(zone)
		week := func(w WeekTime) int { return int(w.Day)*minutesOfDay + w.Minute }
		shown := week(WeekTime{local.Weekday(), local.Hour()*60 + local.Minute()})
		from, to := week(span.From), week(span.To)
		want := from <= shown && shown < to || to < from && (shown >= from || shown < to)
		end, got := span.until(now, zone)
		if got != want {
			_, before := now.Add(-24 * time.Hour).In(zone).Zone()
			_, after := now.Add(24 * time.Hour).In(zone).Zone()
			if before == after { // near a change of the clocks a freeze may be longer
				t.Fatalf("at %s in %+v: %t, want %t", local, span, got, want)
			}
		}
		if got && (!end.After(now) || end.Sub(now) > 7*24*time.Hour+2*time.Hour) {
			t.Fatalf("at %s in %+v: until %s", local, span, end)
		}
	})
}

func FuzzFreeze(f *testing.F) {
	f.Add("Fri 16:00 - Mon 08:00", "2026-12-20 - 2027-01-03")
	f.Add("Sun 02:30 - Sun 02:31", "2026-12-24 12:00 - 2026-12-27 08:00")
	f.Add("Mon 24:00 - Tue", "9999-12-31")
	f.Fuzz(func(t *testing.T, weekly, dates string) {
		var freeze Freeze
		var week WeekSpan
		if week.UnmarshalText([]byte(weekly)) == nil {
			freeze.Weekly = []WeekSpan{week}
		}
		var days DateSpan
		if days.UnmarshalText([]byte(dates)) == nil {
			freeze.Dates = []DateSpan{days}
		}
		text, err := json.Marshal(freeze)
		if err != nil {
			t.Fatal(err)
		}
		var again Freeze
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("%s is written and not read: %v", text, err)
		}
		if len(again.Weekly) > 0 && again.Weekly[0] != week || len(again.Dates) > 0 && again.Dates[0] != days {
			t.Fatalf("%s became %+v", text, again)
		}
		if frozen, err := FrozenAt([]Freeze{freeze}, time.Unix(1.8e9, 0)); err == nil && frozen != nil && !frozen.Until.After(time.Unix(1.8e9, 0)) {
			t.Fatalf("frozen until %s, which is over", frozen.Until)
		}
	})
}
