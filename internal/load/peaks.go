package load

import (
	"slices"
	"time"
)

// peaks remembers lengths of time so that the longest one after any moment can
// be told. It keeps those that no later one equals or exceeds: of n in random
// order about ln n.
type peaks []peak

type peak struct {
	at     time.Time
	length time.Duration
}

// add notes a length. A time before the last one's counts as that.
func (p *peaks) add(at time.Time, length time.Duration) {
	keep := len(*p)
	if keep > 0 && at.Before((*p)[keep-1].at) {
		at = (*p)[keep-1].at
	}
	for keep > 0 && (*p)[keep-1].length <= length {
		keep--
	}
	*p = append((*p)[:keep], peak{at, length})
}

// after returns the longest length noted later than t, 0 for none.
func (p peaks) after(t time.Time) time.Duration {
	i, _ := slices.BinarySearchFunc(p, t, func(e peak, t time.Time) int {
		if e.at.After(t) {
			return 1
		}
		return -1
	})
	if i == len(p) {
		return 0
	}
	return p[i].length
}
