//go:build !race

package engine

// manySimulations is how many random rollouts the tests simulate.
const manySimulations = 10_000
