package flag

import (
	"time"

	"github.com/davit-dev/davit"
)

// numeric is met by a number that is less or more than one of some numbers.
type numeric struct {
	bounds []float64
	holds  func(value, bound float64) bool
}

func newNumeric(op davit.FlagOperator, values []any, at place) test {
	made := numeric{holds: map[davit.FlagOperator]func(value, bound float64) bool{
		davit.OpLess:    func(value, bound float64) bool { return value < bound },
		davit.OpAtMost:  func(value, bound float64) bool { return value <= bound },
		davit.OpMore:    func(value, bound float64) bool { return value > bound },
		davit.OpAtLeast: func(value, bound float64) bool { return value >= bound },
	}[op]}
	for i, v := range values {
		number, ok := v.(float64)
		if whole, isInt := v.(int); isInt {
			number, ok = float64(whole), true
		}
		if !ok {
			at.index(i).wrong("%v is no number", v)
		}
		made.bounds = append(made.bounds, number)
	}
	return made
}

func (n numeric) meets(value any) bool {
	v, ok := value.(float64)
	if !ok {
		return false
	}
	for _, bound := range n.bounds {
		if n.holds(v, bound) {
			return true
		}
	}
	return false
}

// temporal is met by a time that is before or after one of some times.
type temporal struct {
	bounds []time.Time
	after  bool
}

func newTemporal(op davit.FlagOperator, values []any, at place) test {
	made := temporal{after: op == davit.OpAfter}
	for i, v := range values {
		if whole, isInt := v.(int); isInt {
			v = float64(whole)
		}
		moment, ok := readTime(v)
		if !ok {
			at.index(i).wrong("%v is no time: write 2026-03-31, 2026-03-31T12:00:00Z or seconds since 1970", v)
		}
		made.bounds = append(made.bounds, moment)
	}
	return made
}

func (t temporal) meets(value any) bool {
	v, ok := readTime(value)
	if !ok {
		return false
	}
	for _, bound := range t.bounds {
		if t.after && v.After(bound) || !t.after && v.Before(bound) {
			return true
		}
	}
	return false
}

// readTime reads a time of RFC 3339, a date, which begins in UTC, or seconds since
// 1970.
func readTime(value any) (time.Time, bool) {
	switch v := value.(type) {
	case string:
		layout := time.RFC3339
		if len(v) == len(time.DateOnly) {
			layout = time.DateOnly
		}
		moment, err := time.Parse(layout, v)
		return moment, err == nil
	case float64:
		const most = 1 << 40 // about 34,000 years
		if v < -most || v > most || v != v {
			return time.Time{}, false
		}
		return time.UnixMilli(int64(v * 1000)), true
	default:
		return time.Time{}, false
	}
}
