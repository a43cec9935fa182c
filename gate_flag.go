package davit

import (
	"slices"
	"strings"
	"time"
)

// GateFlag is the kind of gate that switches feature flags, and passes when they are
// switched.
const GateFlag = "flag"

// FlagParams are the parameters of a flag gate.
type FlagParams struct {
	Task  FlagTask     `json:"task"`
	Flags []FlagSwitch `json:"flags"`
}

// FlagTask is what a flag gate does.
type FlagTask string

// The tasks of a flag gate.
const (
	FlagsCheck  FlagTask = "check"  // whether the flags can be switched, before anything begins
	FlagsSwitch FlagTask = "switch" // each flag once in a rollout
	FlagsReturn FlagTask = "return" // to what they served before the rollout switched them
)

// FlagSwitch is what a rollout makes of a flag in its environment.
type FlagSwitch struct {
	Flag string `json:"flag"` // its key
	// Turn is whether the flag is to be on; "" leaves that as it is.
	Turn FlagTurn `json:"turn,omitempty"`
	// Serve is the variant that all get whom no target and no rule names; "" leaves
	// that as it is.
	Serve string `json:"serve,omitempty"`
}

// FlagTurn is on or off.
type FlagTurn string

// What a flag can be turned.
const (
	FlagOn  FlagTurn = "on"
	FlagOff FlagTurn = "off"
)

// Instructions returns the intents of the switch.
func (s FlagSwitch) Instructions(environment string) []FlagInstruction {
	var all []FlagInstruction
	if s.Serve != "" {
		all = append(all, FlagInstruction{Kind: Serve, Environment: environment, Variant: s.Serve})
	}
	switch s.Turn {
	case FlagOn:
		all = append(all, FlagInstruction{Kind: TurnOn, Environment: environment})
	case FlagOff:
		all = append(all, FlagInstruction{Kind: TurnOff, Environment: environment})
	}
	return all
}

// String says what the switch does: "turns colour on, serves red".
func (s FlagSwitch) String() string {
	var says []string
	if s.Turn != "" {
		says = append(says, "turns "+s.Flag+" "+string(s.Turn))
	}
	if s.Serve != "" {
		says = append(says, "serves "+s.Serve+" for "+s.Flag)
	}
	return strings.Join(says, ", ")
}

// FlagStep is a flag that a rollout switches at a moment.
type FlagStep struct {
	At     Moment
	Switch FlagSwitch
}

// flagLimit is how long a flag gate goes on trying while flags cannot be stored.
const flagLimit = Duration(time.Minute)

// SwitchFlags returns the holds of the flags that a rollout switches. They are looked
// at before anything begins, and returned when the rollout is hauled back.
func SwitchFlags(steps ...FlagStep) []Hold {
	if len(steps) == 0 {
		return nil
	}
	var keys []string
	var all []FlagSwitch
	var moments []Moment
	at := map[Moment][]FlagSwitch{}
	for _, s := range steps {
		keys, all = append(keys, s.Switch.Flag), append(all, s.Switch)
		if !slices.Contains(moments, s.At) {
			moments = append(moments, s.At)
		}
		at[s.At] = append(at[s.At], s.Switch)
	}
	hold := func(at Moment, task FlagTask, says string, flags []FlagSwitch) Hold {
		g := gate(GateFlag, string(task)+" flags", says, 0, FlagParams{task, flags})
		g.Limit, g.Advisory = flagLimit, at.After()
		return Hold{at, g}
	}
	names := strings.Join(keys, ", ")
	holds := []Hold{hold(Moment{Kind: BeforeStart}, FlagsCheck, names+" can be switched", all)}
	for _, moment := range moments {
		var says []string
		for _, s := range at[moment] {
			says = append(says, s.String())
		}
		holds = append(holds, hold(moment, FlagsSwitch, strings.Join(says, ", "), at[moment]))
	}
	return append(holds, hold(Moment{Kind: AfterHaulBack}, FlagsReturn,
		names+" serve again what they served before, unless somebody else has changed that", all))
}
