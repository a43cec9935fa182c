package main

import (
	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/engine"
)

// judges returns the judges of all kinds of gate: the engine's own, and those
// that take more than the engine knows.
func judges(p *platforms) map[string]engine.Judge {
	all := engine.Judges()
	all[davit.GateValidation] = judgeValidation(p)
	all[davit.GateHook] = judgeHook()
	all[davit.GateAnalysis] = judgeAnalysis()
	return all
}
