//go:build race

package engine

// manySimulations is less with the race detector, which takes ten times as long.
const manySimulations = 500
