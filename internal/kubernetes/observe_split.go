package kubernetes

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// The bounds of a splitTest.
const (
	// mistrust is the chance that a split is said to show though another one, of
	// those that it is told from, is in effect all the time.
	mistrust = 0.01
	// maxAnswers bounds how many answers are looked at.
	maxAnswers = 2000
	// stray is the share of answers by others that a release's share of all or
	// nothing is told from.
	stray = 0.05
	// oddsRatio is how far another share has to be off for a share in between to be
	// told from it.
	oddsRatio = 2
)

// splitTest looks at answers, one after the other, until they show the wanted
// split and not another one. Others are: the split that was in effect before; and
// for every release, a share whose odds are half or twice what they should be, or,
// where it should be all or nothing, one that is off by 5 %.
//
// Against each of them it sums up the logarithm of how much more likely the wanted
// split makes the answers, and starts anew when that sinks below nothing, since
// the first answers may be from before the change (Page's CUSUM, 1954). While the
// other split is in effect, a sum that starts at a given answer reaches h with a
// chance of at most exp(-h) (Ville's inequality), and it can start at each of
// maxAnswers. So h is chosen such that all of these together have the chance
// mistrust.
//
// The answers have to be independent of each other, or, as those of a weighted
// round robin, more even than that.
type splitTest struct {
	wanted map[davit.ReleaseID]float64
	others []*otherSplit
	before *otherSplit // among others; nil when the wanted split was in effect before

	known, unknown int
	cookies        map[davit.ReleaseID]string // the newest of each release, of a Gateway that has users stay
	// Since the wanted split began to show: answers in a row, and those of each
	// release among them.
	row    int
	counts map[davit.ReleaseID]int
}

// otherSplit is a split that the wanted one is to be told from, by the answers of
// one release alone, or of all.
type otherSplit struct {
	alone davit.ReleaseID
	share map[davit.ReleaseID]float64
	sum   float64
}

// enough is what a sum has to reach; manyEnough is how many answers in a row, all
// by the wanted routing, do that against one that deals more than stray of them.
var (
	enough     = math.Log(maxAnswers / mistrust)
	manyEnough = int(math.Ceil(enough / -math.Log(1-stray)))
)

func newSplitTest(wanted, before davit.Split) *splitTest {
	t := &splitTest{wanted: fractions(wanted), counts: map[davit.ReleaseID]int{}, cookies: map[davit.ReleaseID]string{}}
	if !before.Equal(wanted) {
		t.before = &otherSplit{share: fractions(before)}
		t.others = append(t.others, t.before)
	}
	for _, id := range slices.Sorted(maps.Keys(wanted)) {
		for _, share := range offShares(t.wanted[id]) {
			t.others = append(t.others, &otherSplit{alone: id, share: map[davit.ReleaseID]float64{id: share}})
		}
	}
	return t
}

func fractions(s davit.Split) map[davit.ReleaseID]float64 {
	f := map[davit.ReleaseID]float64{}
	for id, share := range s {
		f[id] = float64(share) / davit.Whole
	}
	return f
}

// offShares returns the shares around p that it is told from.
func offShares(p float64) []float64 {
	if p >= 1 {
		return []float64{1 - stray}
	}
	odds := p / (1 - p)
	return []float64{odds / oddsRatio / (1 + odds/oddsRatio), odds * oddsRatio / (1 + odds*oddsRatio)}
}

// add looks at an answer of a release; "" is one that nobody can tell the release
// of, which says nothing.
func (t *splitTest) add(id davit.ReleaseID) {
	t.row++
	if id == "" {
		t.unknown++
		return
	}
	t.known++
	if t.wanted[id] == 0 {
		t.restart()
		return
	}
	for _, o := range t.others {
		o.sum = max(0, o.sum+o.speaks(t.wanted, id))
	}
	if t.before != nil && t.before.sum == 0 {
		clear(t.counts)
		t.row = 1
	}
	t.counts[id]++
}

// restart forgets what was seen: an answer shows that the change has not come to
// its end.
func (t *splitTest) restart() {
	t.row = 0
	clear(t.counts)
	for _, o := range t.others {
		o.sum = 0
	}
}

// speaks returns how much more likely, as a logarithm, an answer of a release is
// by the wanted split than by the other one.
func (o *otherSplit) speaks(wanted map[davit.ReleaseID]float64, id davit.ReleaseID) float64 {
	if o.alone == "" || o.alone == id {
		return math.Log(wanted[id] / o.share[id])
	}
	return math.Log((1 - wanted[o.alone]) / (1 - o.share[o.alone]))
}

// shown reports whether the wanted split shows, and no other.
func (t *splitTest) shown() bool {
	return t.known > 0 && !slices.ContainsFunc(t.others, func(o *otherSplit) bool { return o.sum < enough })
}

// likely reports whether the wanted split shows as far as so many answers can
// tell. A release that should have all has had all of a long run. Of a share in
// between, it is not what was before, and what was counted since is no further off
// than what it should be told from.
func (t *splitTest) likely() bool {
	total := t.total()
	if len(t.wanted) == 1 {
		return total >= maxAnswers/2
	}
	if total == 0 || t.before != nil && t.before.sum < enough {
		return false
	}
	for id, p := range t.wanted {
		share, off := float64(t.counts[id])/float64(total), offShares(p)
		if share < off[0] || share > off[1] {
			return false
		}
	}
	return true
}

func (t *splitTest) total() int {
	total := 0
	for _, n := range t.counts {
		total += n
	}
	return total
}

// String says what was counted since the wanted split began to show.
func (t *splitTest) String() string {
	if t.known == 0 {
		return fmt.Sprintf("%d answers in a row by this routing", t.row)
	}
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(t.wanted)) {
		parts = append(parts, fmt.Sprintf("%d of %s", t.counts[id], id.Short()))
	}
	return fmt.Sprintf("%d answers, %s", t.total(), strings.Join(parts, " and "))
}
