package main

import (
	"math"
	"math/rand/v2"
)

// wald returns the mean number of trials that Wald's sequential probability ratio
// test takes when the chance of success is p1, to tell it from p0 with errors of
// alpha either way.
func wald(alpha, p1, p0 float64, seed uint64) float64 {
	const runs = 100_000
	rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // reproducible on purpose
	limit := math.Log((1 - alpha) / alpha)
	success, failure := math.Log(p1/p0), math.Log((1-p1)/(1-p0))
	trials := 0
	for range runs {
		for sum := 0.0; math.Abs(sum) < limit; trials++ {
			if rng.Float64() < p1 {
				sum += success
			} else {
				sum += failure
			}
		}
	}
	return float64(trials) / runs
}
