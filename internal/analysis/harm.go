package analysis

import (
	"math"
	"time"
)

// How long blocks are. A single failure says most when the candidate's share of
// the block's requests is near its true one, so both releases should have some.
// A block that is kept open for long would mix times that are not alike.
const (
	fewest   = 4                // requests of either release in a block, as expected from the share
	many     = 2                // failures that end a block of any length
	reach    = 10               // blocks without a failure reach back up to twice as many of those
	reachFor = 30 * time.Second // or twice as long, when they have some
)

// harm is the e-process of one metric over a rollout.
type harm struct {
	starts []*capital // by stage
	fresh  bool       // the stage's is still to be started, since the share is not known yet
	seen   block      // of this stage, for the share

	old, young block // the open block: all of young, and of old while nothing failed
	turned     time.Time
	log        float64 // of the e-value, as of the last block
}

func newHarm() *harm { return &harm{fresh: true} }

// stage ends the block and starts an e-process for what comes.
func (h *harm) stage() {
	h.end()
	h.fresh, h.seen = true, block{}
}

// observe takes in what happened since the last look, at a time.
func (h *harm) observe(b block, at time.Time) {
	h.seen = h.seen.plus(b)
	h.young = h.young.plus(b)
	share := h.share()
	enough := int64(math.Ceil(fewest / min(share, 1-share)))
	open := h.old.plus(h.young)
	if open.events() > 0 {
		if open.requests() >= enough || open.events() >= many {
			h.end()
		}
		return
	}
	n := h.young.requests()
	switch {
	case h.turned.IsZero():
		h.turned = at
	case n >= reach*enough, n >= enough && at.Sub(h.turned) >= reachFor:
		h.old, h.young, h.turned = h.young, block{}, at
	}
}

// share returns about which part of the requests of this stage the candidate
// got. It decides how blocks are cut and bets are spread, and no more.
func (h *harm) share() float64 {
	return (float64(h.seen.candidate.requests) + 0.5) / (float64(h.seen.requests()) + 1)
}

// end ends the open block: its failures count.
func (h *harm) end() {
	b := h.old.plus(h.young).bounded()
	h.old, h.young, h.turned = block{}, block{}, time.Time{}
	if b.events() == 0 {
		return
	}
	if h.fresh {
		h.starts, h.fresh = append(h.starts, newCapital(h.share())), false
	}
	logs := make([]float64, 0, len(h.starts)+1)
	kept := 1.0
	for i, c := range h.starts {
		c.bet(b)
		w := weight(i)
		kept -= w
		logs = append(logs, math.Log(w)+c.log())
	}
	if kept > 0 { // what is kept for stages to come has not been bet
		logs = append(logs, math.Log(kept))
	}
	h.log = logSum(logs)
}

// weight returns the part of the weight that the i-th stage gets: most for the
// first, and 1/(j(j+1)) of the rest, which sums to 1, for the j-th after it.
func weight(i int) float64 {
	const first = 0.9
	if i == 0 {
		return first
	}
	return (1 - first) / float64(i*(i+1))
}
