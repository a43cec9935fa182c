package davit

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// FlagInstruction is one intent: what to do to a flag, and not what it is to be.
// Which fields it needs, its kind says.
type FlagInstruction struct {
	Kind        FlagInstructionKind `json:"kind" enum:"turnOn,turnOff,serve,setOff,setPercentages,addTargets,removeTargets,addRule,removeRule,setClientSide,addTags,removeTags"`
	Environment string              `json:"environment,omitempty" maxLength:"63" doc:"needed by all but those about the flag itself"`
	Variant     string              `json:"variant,omitempty" maxLength:"255"`
	// Percentages are of the users, by variant. They sum to 100; the variants left
	// out get nothing.
	Percentages map[string]float64 `json:"percentages,omitempty" doc:"of the users by variant, with three decimals; they sum to 100"`
	By          string             `json:"by,omitempty" maxLength:"255" doc:"attribute that users are told apart by; when left out the one that they are by now, or else the targeting key"`
	Values      []string           `json:"values,omitempty" maxItems:"100000" doc:"targeting keys, or tags"`
	Rule        *FlagRule          `json:"rule,omitempty" doc:"to add, after those there are"`
	ID          string             `json:"id,omitempty" maxLength:"255" doc:"of the rule to remove"`
	Enabled     bool               `json:"enabled,omitempty" doc:"what to set"`
}

// FlagInstructionKind says what an instruction does.
type FlagInstructionKind string

// The kinds of instructions.
const (
	TurnOn         FlagInstructionKind = "turnOn"
	TurnOff        FlagInstructionKind = "turnOff"
	Serve          FlagInstructionKind = "serve"          // Variant to whom no target and no rule names
	SetOff         FlagInstructionKind = "setOff"         // Variant while the flag is off; the application's default when empty
	SetPercentages FlagInstructionKind = "setPercentages" // Percentages, By
	AddTargets     FlagInstructionKind = "addTargets"     // Values get Variant
	RemoveTargets  FlagInstructionKind = "removeTargets"  // Values, from Variant or ("") from all
	AddRule        FlagInstructionKind = "addRule"        // Rule
	RemoveRule     FlagInstructionKind = "removeRule"     // ID
	SetClientSide  FlagInstructionKind = "setClientSide"  // Enabled
	AddTags        FlagInstructionKind = "addTags"        // Values
	RemoveTags     FlagInstructionKind = "removeTags"     // Values
)

// Instruct returns the flag as it is after some instructions, one after the other.
// The flag itself stays as it is. What is wrong with an instruction is a *Error of
// CodeInvalid; whether the outcome makes sense is not looked at.
func (f Flag) Instruct(instructions ...FlagInstruction) (Flag, error) {
	f.Tags = slices.Clone(f.Tags)
	environments := make(map[string]FlagSettings, len(f.Environments)+1)
	for name, settings := range f.Environments {
		settings.Targets = slices.Clone(settings.Targets)
		settings.Rules = slices.Clone(settings.Rules)
		environments[name] = settings
	}
	f.Environments = environments
	for i, instruction := range instructions {
		if err := f.instruct(instruction); err != nil {
			return Flag{}, &Error{Code: CodeInvalid, Message: fmt.Sprintf("instruction %d (%s) of flag %s: %v", i+1, instruction.Kind, f.Key, err)}
		}
	}
	return f, nil
}

// instruct changes the flag in place.
func (f *Flag) instruct(i FlagInstruction) error {
	switch i.Kind {
	case SetClientSide:
		f.ClientSide = i.Enabled
		return nil
	case AddTags:
		for _, tag := range i.Values {
			if !slices.Contains(f.Tags, tag) {
				f.Tags = append(f.Tags, tag)
			}
		}
		return nil
	case RemoveTags:
		f.Tags = slices.DeleteFunc(f.Tags, func(tag string) bool { return slices.Contains(i.Values, tag) })
		return nil
	}
	if i.Environment == "" {
		return fmt.Errorf("it names no environment")
	}
	settings, there := f.Environments[i.Environment]
	if !there {
		settings = f.fresh()
	}
	if err := settings.instruct(f, i); err != nil {
		return err
	}
	f.Environments[i.Environment] = settings
	return nil
}

// fresh returns the settings of an environment that had none: off, and when it is
// turned on, on for all when it is a boolean.
func (f *Flag) fresh() FlagSettings {
	var s FlagSettings
	if f.Type != FlagBoolean {
		return s
	}
	for _, v := range f.Variants {
		switch string(v.Value) {
		case "true":
			s.Default.Variant = v.Name
		case "false":
			s.Off = v.Name
		}
	}
	return s
}

// instruct changes the settings in place.
func (s *FlagSettings) instruct(f *Flag, i FlagInstruction) error {
	if i.Variant != "" && f.Variant(i.Variant) == nil {
		return fmt.Errorf("there is no variant %q, only %s", i.Variant, f.variantNames())
	}
	switch i.Kind {
	case TurnOn:
		s.Enabled = true
	case TurnOff:
		s.Enabled = false
	case Serve:
		s.Default = FlagServe{Variant: i.Variant}
	case SetOff:
		s.Off = i.Variant
	case SetPercentages:
		return s.setPercentages(f, i)
	case AddTargets:
		return s.addTargets(i)
	case RemoveTargets:
		s.removeTargets(i.Variant, i.Values)
	case AddRule:
		if i.Rule == nil {
			return fmt.Errorf("it has no rule")
		}
		s.Rules = append(s.Rules, *i.Rule)
	case RemoveRule:
		before := len(s.Rules)
		s.Rules = slices.DeleteFunc(s.Rules, func(r FlagRule) bool { return r.ID == i.ID })
		if i.ID == "" || len(s.Rules) == before {
			return fmt.Errorf("there is no rule %q in %s", i.ID, i.Environment)
		}
	default:
		return fmt.Errorf("there is no such instruction")
	}
	return nil
}

func (s *FlagSettings) setPercentages(f *Flag, i FlagInstruction) error {
	weights := make(map[string]int, len(i.Percentages))
	sum := 0
	for variant, percent := range i.Percentages {
		if f.Variant(variant) == nil {
			return fmt.Errorf("there is no variant %q, only %s", variant, f.variantNames())
		}
		if !(percent >= 0 && percent <= 100) {
			return fmt.Errorf("%v %% of %s is none between 0 and 100", percent, variant)
		}
		weight := int(math.Round(percent * FlagWhole / 100))
		if math.Abs(float64(weight)*100/FlagWhole-percent) > 1e-9 {
			return fmt.Errorf("%v %% of %s is finer than 0.001 %%", percent, variant)
		}
		weights[variant] = weight
		sum += weight
	}
	if sum != FlagWhole {
		return fmt.Errorf("the percentages sum to %v, and not to 100", float64(sum)*100/FlagWhole)
	}
	var before FlagSplit
	switch {
	case s.Default.Split != nil:
		before = *s.Default.Split
	case s.Default.Variant != "" && s.Enabled: // everybody has it
		before.Shares = []FlagShare{{Variant: s.Default.Variant, Weight: FlagWhole}}
	}
	switch i.By {
	case "": // as before
	case TargetingKey:
		before.By = ""
	default:
		before.By = i.By
	}
	want := make([]FlagShare, 0, len(f.Variants))
	for _, v := range f.Variants {
		want = append(want, FlagShare{Variant: v.Name, Weight: weights[v.Name]})
	}
	split, err := before.Reweigh(want)
	if err != nil {
		return err
	}
	s.Default = FlagServe{Split: &split}
	return nil
}

// addTargets moves users to the target of a variant: nobody is named by two.
func (s *FlagSettings) addTargets(i FlagInstruction) error {
	if i.Variant == "" || len(i.Values) == 0 {
		return fmt.Errorf("it needs a variant, and users as values")
	}
	s.removeTargets("", i.Values)
	at := slices.IndexFunc(s.Targets, func(t FlagTarget) bool { return t.Variant == i.Variant && t.Attribute == "" })
	if at < 0 {
		at = len(s.Targets)
		s.Targets = append(s.Targets, FlagTarget{Variant: i.Variant})
	}
	keys := append(slices.Clone(s.Targets[at].Keys), i.Values...)
	slices.Sort(keys)
	s.Targets[at].Keys = slices.Compact(keys)
	return nil
}

// removeTargets removes users from the target of a variant, or ("") of all.
func (s *FlagSettings) removeTargets(variant string, users []string) {
	gone := make(map[string]bool, len(users))
	for _, user := range users {
		gone[user] = true
	}
	for n, target := range s.Targets {
		if target.Attribute != "" || variant != "" && target.Variant != variant {
			continue
		}
		s.Targets[n].Keys = slices.DeleteFunc(slices.Clone(target.Keys), func(user string) bool { return gone[user] })
	}
	s.Targets = slices.DeleteFunc(s.Targets, func(t FlagTarget) bool { return len(t.Keys) == 0 })
}

func (f *Flag) variantNames() string {
	names := make([]string, 0, len(f.Variants))
	for _, v := range f.Variants {
		names = append(names, v.Name)
	}
	return strings.Join(names, ", ")
}
