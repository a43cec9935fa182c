// Package simulation runs rollouts under traffic with a truth known by
// construction, to find out how often an analysis is wrong and how fast it is
// right. The same seed gives the same rollout.
package simulation

import (
	"math"
	"math/rand/v2"
	"time"
)

// World is the traffic that a rollout goes through.
type World struct {
	Name string
	// Rate of requests a second, retries not counted.
	Rate float64
	// Stages of the rollout: the candidate's share and for how long.
	Stages []Stage
	// Stable and Candidate are the chances that a request fails.
	Stable, Candidate float64
	// Users are the clients, who stay on their release (as davit's cookie makes
	// them) and of whom some ask far more often than others; 0 has each request
	// come from somebody new.
	Users int
	// Unthinned counts all requests of a user, not only those of a sample.
	Unthinned bool
	// Even deals newcomers to releases in turn instead of by chance.
	Even bool
	// Bursts strike both releases: every BurstEvery on average, for BurstFor on
	// average, requests fail with chance BurstRate.
	BurstEvery, BurstFor time.Duration
	BurstRate            float64
	// Wander multiplies the chance of failure by exp(Wander z - Wander^2/2),
	// where z is normal and forgets itself within WanderOver.
	Wander     float64
	WanderOver time.Duration
	// Retries is how often a client whose request failed asks again, ten times a
	// second, as long as it fails: with chance RetryFails each time.
	Retries    int
	RetryFails float64
}

// Stage is a share of the traffic for a time.
type Stage struct {
	Share float64
	For   time.Duration
}

// user is a client who stays on a release.
type user struct {
	place  float64 // on the candidate when below its share
	next   float64 // second from which it is sampled again
	weight float64 // cumulative
}

// retry is a request that comes again.
type retry struct {
	at    float64
	user  int
	tries int
}

// traffic is a world at work.
type traffic struct {
	World
	rng     *rand.Rand
	now     float64 // seconds
	users   []user
	retries []retry
	turn    float64
	burst   bool
	changes float64 // when the burst begins or ends
	z       float64 // where the chance of failure has wandered to
	moves   float64
	factor  float64
}

func newTraffic(w World, rng *rand.Rand) *traffic {
	t := &traffic{World: w, rng: rng, turn: rng.Float64(), changes: math.Inf(1), moves: math.Inf(1), factor: 1}
	total := 0.0
	for range w.Users {
		total += math.Exp(rng.NormFloat64()) // some ask ten times as often as others
		t.users = append(t.users, user{place: rng.Float64(), weight: total})
	}
	if w.BurstEvery > 0 {
		t.changes = rng.ExpFloat64() * w.BurstEvery.Seconds()
	}
	if w.Wander > 0 {
		t.moves, t.z = 0, rng.NormFloat64()
	}
	return t
}

// request is one that happened.
type request struct {
	candidate, failed bool
	sampled           bool // by davit.Sample's rule
}

// next returns the next request. share is the candidate's.
func (t *traffic) next(share float64) request {
	due := t.now + 1/t.Rate
	if len(t.retries) > 0 && t.retries[0].at <= due {
		r := t.retries[0]
		t.retries = t.retries[1:]
		t.now = max(t.now, r.at)
		return t.ask(share, r.user, r.tries, t.RetryFails)
	}
	t.now = due
	return t.ask(share, t.pick(), 0, -1)
}

// pick returns the user who asks.
func (t *traffic) pick() int {
	if len(t.users) == 0 {
		return -1
	}
	v := t.rng.Float64() * t.users[len(t.users)-1].weight
	low, high := 0, len(t.users)-1
	for low < high {
		if mid := (low + high) / 2; t.users[mid].weight < v {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// ask has a user send a request that fails with a chance; below 0, its release's.
func (t *traffic) ask(share float64, who, tries int, chance float64) request {
	r := request{sampled: true}
	switch {
	case who >= 0:
		r.candidate = t.users[who].place < share
	case t.Even:
		t.turn += math.Phi - 1
		t.turn -= math.Floor(t.turn)
		r.candidate = t.turn < share
	default:
		r.candidate = t.rng.Float64() < share
	}
	if chance < 0 {
		chance = t.chance(r.candidate)
	}
	r.failed = t.rng.Float64() < chance
	if who >= 0 && !t.Unthinned {
		u := &t.users[who]
		r.sampled = t.now >= u.next
		if r.sampled {
			u.next = math.Floor(t.now) + 1
			if r.failed {
				u.next = t.now + muted
			}
		}
	}
	if r.failed && tries < t.Retries {
		t.retries = append(t.retries, retry{at: t.now + 0.1, user: who, tries: tries + 1})
	}
	return r
}

// muted is for how many seconds a client is not sampled after a failure.
const muted = 60

// chance returns the chance that a request fails now.
func (t *traffic) chance(candidate bool) float64 {
	for t.now >= t.changes {
		t.burst = !t.burst
		mean := t.BurstEvery
		if t.burst {
			mean = t.BurstFor
		}
		t.changes += t.rng.ExpFloat64() * mean.Seconds()
	}
	for t.now >= t.moves { // an autoregressive step a second
		keep := math.Exp(-1 / t.WanderOver.Seconds())
		t.z = keep*t.z + math.Sqrt(1-keep*keep)*t.rng.NormFloat64()
		t.factor = math.Exp(t.Wander*t.z - t.Wander*t.Wander/2)
		t.moves++
	}
	p := t.Stable
	if candidate {
		p = t.Candidate
	}
	if t.burst {
		return max(p, t.BurstRate)
	}
	return min(p*t.factor, 1)
}
