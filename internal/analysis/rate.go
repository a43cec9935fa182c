package analysis

import "math"

// Interval holds a value at every look with a given confidence.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// RateInterval returns a confidence sequence for the mean chance of an event,
// after events among requests: each end holds, at all looks together, with a
// confidence of 1-a.
func RateInterval(requests, events int64, a float64) Interval {
	if requests == 0 {
		return Interval{0, 1}
	}
	n, s, limit := float64(requests), float64(events), -math.Log(a)
	i := Interval{0, 1}
	if events > 0 {
		i.Low = edge(0, s/n, func(p float64) bool { return rateEvidence(n, s, p, +1) >= limit })
	}
	if events < requests {
		i.High = edge(1, s/n, func(p float64) bool { return rateEvidence(n, s, p, -1) >= limit })
	}
	return i
}

// edge returns the last p on the way from out to in that is ruled out.
func edge(out, in float64, ruledOut func(float64) bool) float64 {
	for range 50 {
		if p := (out + in) / 2; ruledOut(p) {
			out = p
		} else {
			in = p
		}
	}
	return out
}

// Bets on a rate: exponents from finest to finest*stretch^(bets-1), about 24,
// which cover anything from no event at all to millions of them.
const (
	bets    = 40
	finest  = 0.002
	stretch = 1.27
)

// rateEvidence returns the logarithm of the mixture's e-value against the mean
// chance p; sign is +1 against those below the observed rate, -1 above.
func rateEvidence(n, s, p, sign float64) float64 {
	var logs [bets]float64
	total, l := 0.0, finest
	for i := range logs {
		w := math.Sqrt(l / (1 + l)) // more for large exponents: events are rare
		total += w
		logs[i] = math.Log(w) + sign*l*s - n*math.Log1p(p*math.Expm1(sign*l))
		l *= stretch
	}
	return logSum(logs[:]) - math.Log(total)
}
