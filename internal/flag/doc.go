// Package flag evaluates feature flags.
//
// Compile turns the flags of one environment into a Snapshot, which never
// changes: any number of goroutines may evaluate it without a lock, and a new one
// takes its place as a whole. Evaluation allocates nothing, unless a flag has an
// advanced rule, or something is wrong.
//
// The package also reads and writes flagd's flag definitions.
package flag
