package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/davit-dev/davit"
)

// rampGates are the options of a ramp on what it has to pass beside its outcomes, and
// on who is told.
type rampGates struct {
	every, latency time.Duration
	onHarm         string
	approve, file  bool
}

func (g *rampGates) addTo(flags *pflag.FlagSet, r *davit.FlagRamp) {
	flags.StringVar(&r.Source.Slow, "slow", "", "PromQL for those of the requests that took longer than --latency")
	flags.DurationVar(&g.latency, "latency", 0, "longest time that is not slow: the variant is not slower than that more often than the others")
	flags.DurationVar(&g.every, "every", 0, "how often the Prometheus is asked (default 5s)")
	flags.StringVar(&g.onHarm, "on-harm", string(davit.HarmOff), "what the flag serves after harm: off, or origin for what it served before")
	flags.StringVar(&r.Notify, "notify", "", "URL, or reference to a secret one, that is told when the ramp is hauled back")
	flags.StringVar(&r.NotifyKey, "notify-key", "", "reference to the key that signs what --notify is told")
	flags.BoolVar(&g.approve, "approve", false, "wait for the approval of somebody else before each step")
	flags.BoolVar(&g.file, "holds", false, "take the approvals and hooks of the environment in davit.yaml too")
}

// approveWithin is how long a step waits for its approval.
const approveWithin = 24 * time.Hour

// into adds the options to a ramp.
func (g *rampGates) into(a *app, r *davit.FlagRamp) error {
	r.Latency, r.Source.Every, r.OnHarm = davit.Duration(g.latency), davit.Duration(g.every), davit.OnHarm(g.onHarm)
	if g.approve {
		approval := davit.Approvals(davit.GateApproval, davit.ApprovalParams{Count: 1, Within: davit.Duration(approveWithin)})
		r.Holds = append(r.Holds, davit.Hold{At: davit.Moment{Kind: davit.BeforeStep}, Gate: approval})
	}
	if !g.file {
		return nil
	}
	const anyVersion = "ramp" // a ramp has none of the application
	resolved, err := a.resolve(r.Environment, anyVersion)
	if err != nil {
		return err
	}
	for _, h := range resolved.Policy.Holds {
		if h.Gate.Kind == davit.GateApproval || h.Gate.Kind == davit.GateHook {
			r.Holds = append(r.Holds, h)
		}
	}
	return nil
}
