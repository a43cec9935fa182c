package flag

import (
	"math"

	"github.com/davit-dev/davit"
)

// opFractional deals a text, or else flag and targeting key together, to one of
// some buckets by weight. It is null when that cannot be done.
func opFractional(r *run, args []any) (any, error) {
	by, isText := first(args).(string)
	if isText {
		args = args[1:]
	} else {
		if _, top := r.scope.(scope); !top {
			return nil, nil
		}
		key := path{targetingKey}.of(r.ctx)
		if key == nil || key == "" {
			return nil, nil
		}
		by = r.key + jsText(key)
	}
	var buckets []bucket
	total := 0.0
	for _, arg := range args {
		b, ok := readBucket(arg)
		if !ok {
			return nil, nil
		}
		if total += b.weight; total > davit.MaxFlagWeight {
			return nil, nil
		}
		buckets = append(buckets, b)
	}
	hash := (&salt{}).hash(by)
	at := uint64(hash) * uint64(total) >> 32
	sum := uint64(0)
	for _, b := range buckets {
		if sum += uint64(b.weight); sum > at {
			return b.variant, nil
		}
	}
	return nil, nil
}

// bucket is a variant and its weight, a whole number.
type bucket struct {
	variant any
	weight  float64
}

func readBucket(arg any) (b bucket, ok bool) {
	entry, isList := arg.([]any)
	if !isList || len(entry) == 0 || len(entry) > 2 {
		return b, false
	}
	switch entry[0].(type) {
	case nil, bool, float64, string:
	default:
		return b, false
	}
	b = bucket{variant: entry[0], weight: 1}
	if len(entry) == 2 {
		weight, isNumber := entry[1].(float64)
		if !isNumber || weight != math.Trunc(weight) || math.IsInf(weight, 0) {
			return b, false
		}
		b.weight = max(0, weight)
	}
	return b, true
}
