package main

import (
	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/flag/step"
)

// judges returns the judges of all kinds of gate: the engine's own, and those
// that take more than the engine knows.
func judges(p *platforms, flags step.Book) map[string]engine.Judge {
	all := engine.Judges()
	all[davit.GateValidation] = judgeValidation(p)
	all[davit.GateHook] = judgeHook()
	all[davit.GateAnalysis] = judgeAnalysis(p.azure.Transport(nil))
	all[davit.GateFlag] = judgeFlag(flags)
	return all
}
