package config

import (
	"encoding"
	"time"

	"github.com/davit-dev/davit"
)

// freeze is when nothing is deployed.
type freeze struct {
	name, zone item[string]
	weekly     sequence[davit.WeekSpan]
	dates      sequence[davit.DateSpan]
}

func (*freeze) about() about {
	return about{name: "a freeze", doc: "When nothing is deployed. `davit deploy --override-freeze --reason …` deploys all the same; `rollback` and `abort` are never frozen, and what is under way goes on."}
}

func (f *freeze) fields() []field {
	return []field{
		{key: "name", into: scalar(&f.name, plain()), required: true, doc: "name of the freeze, for who is refused"},
		{key: "zone", into: scalar(&f.zone, zone()), initial: "UTC", doc: "time zone, by its name in the IANA database, such as `Europe/Berlin`"},
		{
			key: "weekly", into: listOf(&f.weekly, maxItems, as(span[davit.WeekSpan]("a part of the week", weekPattern, "write it as Fri 16:00 - Mon 08:00"))),
			absent: "none", doc: "parts of every week: `Fri 16:00 - Mon 08:00`; in quotes when it stands in brackets",
		},
		{
			key: "dates", into: listOf(&f.dates, maxItems, as(span[davit.DateSpan]("a date or dates", datePattern, "write it as 2026-12-20, 2026-12-20 - 2027-01-03 or 2026-12-24 12:00 - 2026-12-27 08:00"))),
			absent: "none", doc: "days, both included, or with times of day: `2026-11-27`, `2026-12-20 - 2027-01-03`, `2026-12-24 12:00 - 2026-12-27 08:00`",
		},
	}
}

const (
	weekPattern = "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [0-9]{2}:[0-9]{2} - (Mon|Tue|Wed|Thu|Fri|Sat|Sun) [0-9]{2}:[0-9]{2}$"
	datePattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2})?( - [0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2})?)?$"
)

// span is a value that reads itself from text.
func span[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](words, pattern, hint string) form[T] {
	shape := patterned(words, pattern, hint)
	return form[T]{words: words, schema: shape.schema, parse: func(w word) (T, *wrong) {
		var v T
		if _, err := shape.parse(w); err != nil {
			return v, err
		}
		if err := P(&v).UnmarshalText([]byte(w.text)); err != nil {
			return v, wrongf(hint, "must be %s that exists and ends after it begins, not %q", words, clip(w.text))
		}
		return v, nil
	}}
}

// zone is a time zone.
func zone() form[string] {
	f := plain()
	f.words = "a time zone"
	parse := f.parse
	f.parse = func(w word) (string, *wrong) {
		name, err := parse(w)
		if err != nil {
			return "", err
		}
		if _, err := time.LoadLocation(name); err != nil || name == "Local" {
			return "", wrongf("write a name of the IANA database, such as Europe/Berlin", "must be a time zone that exists, not %q", clip(name))
		}
		return name, nil
	}
	return f
}

// resolveFreezes returns the environment's freezes.
func (e *environment) resolveFreezes(x *resolver) []davit.Freeze {
	var freezes []davit.Freeze
	for _, i := range e.freezes.value {
		f := i.value
		if f.weekly.missing() && f.dates.missing() {
			x.problem(i.at, "", "a freeze needs weekly or dates")
		}
		freezes = append(freezes, davit.Freeze{Name: f.name.value, Zone: f.zone.value, Weekly: items(f.weekly), Dates: items(f.dates)})
	}
	if _, err := davit.FrozenAt(freezes, time.Unix(0, 0)); err != nil && len(x.problems) == 0 {
		x.problem(x.or(e.freezes.at), "", "%s", err)
	}
	return freezes
}
