package davit

import (
	"fmt"
	"time"
)

// PlatformFlag is the platform of flag ramps: a rollout there deals out the users of
// a feature flag, and its releases are variants.
const PlatformFlag = "flag"

// FlagSite is a flag that is being ramped.
type FlagSite struct {
	Environment string `json:"environment"` // that the flag is ramped in
	Key         string `json:"key"`
	// Revision is what the flag was at when the ramp was asked for; hauling back is
	// to serve what it served then.
	Revision int64 `json:"revision"`
	// From is the variant that is served to those who do not get To yet.
	From string `json:"from"`
	To   string `json:"to"`
	// By is the attribute that users are told apart by; the targeting key when empty.
	By string `json:"by,omitempty"`
	// OnHarm is what the flag serves once a gate has failed.
	OnHarm OnHarm `json:"onHarm,omitempty"`
}

// OnHarm says what a flag serves when a gate of its ramp has failed.
type OnHarm string

// What a flag serves after harm. The zero value is HarmOff.
const (
	HarmOff    OnHarm = "off"    // its off variation: it is turned off
	HarmOrigin OnHarm = "origin" // what it served before the ramp
)

// RampEnvironment names the environment that the ramps of a flag run in. No
// environment of a davit.yaml has a colon in its name.
func RampEnvironment(environment, key string) string { return environment + ":" + key }

// FlagRamp asks for a variant to be served to a growing share of the users, for as
// long as that does no harm.
type FlagRamp struct {
	Environment string `json:"environment" minLength:"1" maxLength:"63" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"`
	// To is the variant that is ramped up, From what the others get.
	To   string `json:"to,omitempty" maxLength:"255" doc:"variant that is ramped up; of a boolean flag the one that is true when left out"`
	From string `json:"from,omitempty" maxLength:"255" doc:"variant for the others; what everybody gets now when left out"`
	// Steps are shares in thousandths, ascending, the last one 1000.
	Steps []int    `json:"steps" minItems:"1" maxItems:"100" doc:"shares in thousandths, ascending up to 1000"`
	Bake  Duration `json:"bake" doc:"how long each step is judged"`
	By    string   `json:"by,omitempty" maxLength:"255" doc:"attribute that users are told apart by; the targeting key when left out"`
	// MaxErrors is the share of failures, 0 to 1, that turns back at once.
	MaxErrors   float64 `json:"maxErrors" minimum:"0" maximum:"1" doc:"share of failures that turns back at once"`
	MinRequests int64   `json:"minRequests" minimum:"1" doc:"how many outcomes of the variant a step takes at least"`
	// Patience bounds how long a step waits for outcomes after its bake.
	Patience Duration       `json:"patience" doc:"how long a step waits for outcomes after its bake"`
	Source   AnalysisSource `json:"source,omitzero" doc:"where outcomes are counted; by what applications report when left out; not by access keys"`
	// Latency is the longest time that is not slow, of what Source.Slow counts.
	Latency Duration `json:"latency,omitempty" doc:"longest time that is not slow, for verdicts; the source counts what is slower"`
	OnHarm  OnHarm   `json:"onHarm,omitempty" enum:"off,origin" doc:"what the flag serves after a gate has failed; it is turned off when left out"`
	// Notify is a URL, or a reference to one that is a secret, that is told when the
	// ramp is hauled back; NotifyKey a reference to the key that signs it.
	Notify    string `json:"notify,omitempty" maxLength:"2048" doc:"URL, or reference to a secret one, that is told when the ramp is hauled back; not by access keys"`
	NotifyKey string `json:"notifyKey,omitempty" maxLength:"2048" doc:"reference to the key that signs what is posted; not by access keys"`
	// Holds are approvals and hooks at moments of the ramp.
	Holds  []Hold `json:"holds,omitempty" maxItems:"64" doc:"approvals and hooks at moments of the ramp; not by access keys"`
	Reason string `json:"reason,omitempty" maxLength:"1024" doc:"why, for the audit log"`
}

// How the variants of a ramp are compared: as releases are by default.
const (
	rampAlpha         = 0.01
	rampPassAlpha     = 0.05
	rampMargin        = 0.005
	rampLatencyMargin = 0.01
	rampNoErrors      = 1e-9 // as a limit: none may fail, where 0 is no limit
)

// Policy returns the policy of the ramp's rollout. There is no evidence but
// outcomes, so each step needs its least number of them.
func (r FlagRamp) Policy() Policy {
	analysis := AnalysisParams{
		Alpha: rampAlpha, PassAlpha: rampPassAlpha, MinRequests: r.MinRequests,
		Errors: AnalysisMetric{Margin: rampMargin}, Guards: AnalysisGuards{Errors: max(r.MaxErrors, rampNoErrors)}, Source: r.Source,
	}
	if r.Latency > 0 {
		analysis.Latency = []AnalysisLatency{{Objective: r.Latency, AnalysisMetric: AnalysisMetric{Margin: rampLatencyMargin}}}
	}
	gates := []Gate{Analysis("analysis", analysis)}
	if r.Source == (AnalysisSource{}) { // what the applications report is counted here too
		gates = append([]Gate{ErrorRate("errors", ErrorsParams{MaxRate: r.MaxErrors, MinRequests: r.MinRequests})}, gates...)
	}
	canary := CanaryOptions{}
	least := time.Duration(0)
	for _, step := range r.Steps {
		canary.Steps = append(canary.Steps, CanaryStep{Weight: step, Bake: r.Bake})
		least += r.Bake.D() + r.Patience.D()
	}
	return Policy{
		Strategy: Strategy{Kind: KindCanary, Canary: canary}, Gates: gates, Holds: r.holds(),
		Deadline: Duration(least + time.Hour), Patience: r.Patience, OnInterrupt: InterruptResume,
	}
}

// Ramped returns where the ramp of a flag is, given what the flag says now. It
// refuses by an *Error of CodeInvalid or CodeConflict what cannot be ramped.
func (r FlagRamp) Ramped(record *FlagRecord) (FlagSite, error) {
	f := &record.Flag
	invalid := func(message, hint string) (FlagSite, error) {
		return FlagSite{}, &Error{Code: CodeInvalid, Message: fmt.Sprintf("flag %s cannot be ramped in %s: %s", f.Key, r.Environment, message), Hint: hint}
	}
	site := FlagSite{Environment: r.Environment, Key: f.Key, Revision: record.Revision, From: r.From, To: r.To, By: r.By, OnHarm: r.OnHarm}
	settings, there := f.Environments[r.Environment]
	if !there {
		settings = f.fresh()
	}
	if site.To == "" && f.Type == FlagBoolean {
		site.To = f.variantOf("true")
	}
	served := settings.Off
	if settings.Enabled {
		if settings.Default.Split != nil {
			return invalid("it is split already", "serve everybody one variant first: davit flag set, or davit flag off")
		}
		served = settings.Default.Variant
	}
	if site.From == "" {
		site.From = served
	}
	switch {
	case f.Variant(site.To) == nil:
		return invalid(fmt.Sprintf("there is no variant %q, only %s", site.To, f.variantNames()), "name the variant that is ramped up: --to")
	case f.Variant(site.From) == nil:
		return invalid("nothing says what the others get", "name the variant for them: --from")
	case site.From == site.To, settings.Enabled && served == site.To:
		return FlagSite{}, &Error{Code: CodeConflict, Message: fmt.Sprintf("flag %s serves %s to everybody in %s already", f.Key, site.To, r.Environment)}
	case settings.Enabled && served != site.From:
		return invalid(fmt.Sprintf("everybody gets %s now, and not %s", served, site.From), "leave out --from")
	}
	return site, nil
}

// variantOf returns the name of the variant of a value; "" when there is none.
func (f *Flag) variantOf(value string) string {
	for _, v := range f.Variants {
		if string(v.Value) == value {
			return v.Name
		}
	}
	return ""
}
