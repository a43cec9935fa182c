package flag

import (
	"fmt"
	"math/bits"
	"strconv"

	"github.com/davit-dev/davit"
)

// split serves variants to shares of the users.
type split struct {
	by        path
	salt      salt
	otherwise *variant // nil: an error
	ranges    []reach
}

// reach is the end of the range of hashes that a variant is served to.
type reach struct {
	end     uint64 // the first hash after it
	variant *variant
}

// reaches returns the ranges of a split. A hash h is in the bucket (h x total) >>
// 32, as in flagd's fractional, so a range that ends before bucket b ends before
// the least h with h x total >= b x 2^32.
func reaches(shares []davit.FlagShare, total int, find func(string) *variant) []reach {
	ranges := make([]reach, 0, len(shares))
	sum := uint64(0)
	for _, share := range shares {
		if share.Weight == 0 {
			continue
		}
		sum += uint64(share.Weight)                       //nolint:gosec // not negative, as compiled
		high, low := bits.Mul64(sum, 1<<32)               // at most 2^63
		end, rest := bits.Div64(high, low, uint64(total)) //nolint:gosec // at least 1, as compiled
		if rest > 0 {
			end++
		}
		ranges = append(ranges, reach{end: end, variant: find(share.Variant)})
	}
	return ranges
}

// hash hashes what users are told apart by; ok is false when they do not have it.
func (s *split) hash(ctx *Context) (hash uint32, ok bool) {
	if s.by.isKey() {
		key := ctx.TargetingKey()
		return s.salt.hash(key), key != ""
	}
	switch value := s.by.of(ctx).(type) {
	case string:
		return s.salt.hash(value), value != ""
	case float64:
		return s.salt.hash(jsNumber(value)), true
	case bool:
		return s.salt.hash(strconv.FormatBool(value)), true
	default:
		return 0, false
	}
}

// pick returns the variant that the split has for the user.
func (s *split) pick(f *compiled, ctx *Context, t *trace) outcome {
	hash, ok := s.hash(ctx)
	if !ok {
		return s.missing(f, t)
	}
	v := s.ranges[len(s.ranges)-1].variant
	for i := range s.ranges {
		if uint64(hash) < s.ranges[i].end {
			v = s.ranges[i].variant
			break
		}
	}
	if t != nil {
		t.say(true, "split by "+s.by.String(), fmt.Sprintf("its hash is at %.3f %%, which is %s", float64(hash)/(1<<32)*100, served(v)))
	}
	return outcome{variant: v, reason: Split}
}

// missing is the outcome for those that the attribute is missing of.
func (s *split) missing(f *compiled, t *trace) outcome {
	if s.otherwise != nil {
		if t != nil {
			t.say(false, "split by "+s.by.String(), "the attribute is missing, which is "+served(s.otherwise))
		}
		return outcome{variant: s.otherwise, reason: Default}
	}
	code := InvalidContext
	if s.by.isKey() {
		code = TargetingKeyMissing
	}
	message := fmt.Sprintf("flag %q splits by %s, which the context does not have", f.key, s.by)
	if t != nil {
		t.say(false, "split by "+s.by.String(), message)
	}
	return failed(code, message)
}
