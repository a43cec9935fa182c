//go:build e2e && linux

package kubernetes

import (
	"math"

	"github.com/davit-dev/davit"
)

// freak is the chance of counts that are taken for those of another split.
const freak = 1e-9

// shows wants counts of answers to be such as a split makes: of a Gateway that throws
// dice for every request, or deals more evenly than that.
func (p *place) shows(split davit.Split, counts map[davit.ReleaseID]int) {
	p.Helper()
	total := 0
	for _, n := range counts {
		total += n
	}
	for id, n := range counts {
		if split[id] == 0 {
			p.Errorf("%s: %d of %d answers are of %q, which has no share", split, n, total, id)
		}
	}
	for id, share := range split {
		n := counts[id]
		low, high := tails(total, n, float64(share)/davit.Whole)
		if total == 0 || low < freak || high < freak {
			p.Errorf("%s: %d of %d answers are of %s, which has a chance of %.1g", split, n, total, id, min(low, high))
		}
	}
	p.Logf("%s: %v", split, counts)
}

// tails returns the chances of at most, and of at least, k successes in n trials that
// each succeed with the chance p.
func tails(n, k int, p float64) (low, high float64) {
	for i := range n + 1 {
		chance := binomial(n, i, p)
		if i <= k {
			low += chance
		}
		if i >= k {
			high += chance
		}
	}
	return low, high
}

func binomial(n, k int, p float64) float64 {
	switch {
	case p >= 1 && k == n:
		return 1
	case p >= 1:
		return 0
	}
	gamma := func(x int) float64 {
		v, _ := math.Lgamma(float64(x + 1))
		return v
	}
	return math.Exp(gamma(n) - gamma(k) - gamma(n-k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}
