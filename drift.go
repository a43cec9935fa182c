package davit

// OnDrift says what a rollout under way does when somebody else changes the
// traffic or what runs. Either way that is put back.
type OnDrift string

// The answers to drift.
const (
	DriftCorrect OnDrift = "correct" // go on; also the empty OnDrift
	DriftPause   OnDrift = "pause"   // stay in the stage until an operator resumes
)
