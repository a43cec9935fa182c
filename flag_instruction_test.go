package davit_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/davit-dev/davit"
)

// TestInstruct follows instructions, and refuses those that cannot be followed.
func TestInstruct(t *testing.T) {
	flag := davit.Flag{Key: "checkout-v2", Type: davit.FlagBoolean, Variants: davit.BooleanVariants()}
	const env = "production"
	after, err := flag.Instruct(
		davit.FlagInstruction{Kind: davit.TurnOn, Environment: env},
		davit.FlagInstruction{Kind: davit.SetPercentages, Environment: env, Percentages: map[string]float64{"on": 12.345, "off": 87.655}},
		davit.FlagInstruction{Kind: davit.AddTargets, Environment: env, Variant: "on", Values: []string{"bo", "anna", "bo"}},
		davit.FlagInstruction{Kind: davit.AddTargets, Environment: env, Variant: "off", Values: []string{"bo"}},
		davit.FlagInstruction{Kind: davit.AddTags, Values: []string{"checkout"}},
		davit.FlagInstruction{Kind: davit.SetClientSide, Enabled: true},
	)
	if err != nil {
		t.Fatal(err)
	}
	s := after.Environments[env]
	switch {
	case len(flag.Environments) != 0 || flag.Tags != nil:
		t.Errorf("the flag itself was changed: %+v", flag)
	case !s.Enabled || s.Off != "off" || !after.ClientSide || !slices.Equal(after.Tags, []string{"checkout"}):
		t.Errorf("after: %+v", after)
	case fmt.Sprint(s.Targets) != "[{on [anna] } {off [bo] }]":
		t.Errorf("targets: %v", s.Targets)
	case s.Default.Split == nil || s.Default.Split.Shares[0].Weight*davit.FlagWhole != 12_345*s.Default.Split.Total():
		t.Errorf("default: %+v", s.Default)
	}
	for name, bad := range map[string]davit.FlagInstruction{
		"no environment":  {Kind: davit.TurnOn},
		"no such variant": {Kind: davit.Serve, Environment: env, Variant: "blue"},
		"not 100":         {Kind: davit.SetPercentages, Environment: env, Percentages: map[string]float64{"on": 5}},
		"too fine":        {Kind: davit.SetPercentages, Environment: env, Percentages: map[string]float64{"on": 5.0001, "off": 94.9999}},
		"no rule":         {Kind: davit.RemoveRule, Environment: env, ID: "beta"},
		"no instruction":  {Kind: "explode", Environment: env},
	} {
		if _, err := flag.Instruct(bad); davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPercentagesBy keeps how users are told apart unless an instruction says otherwise,
// so that nobody moves who need not.
func TestPercentagesBy(t *testing.T) {
	const env = "production"
	salt := "s"
	begun := func(by string) davit.Flag {
		split := davit.FlagSplit{By: by, Salt: &salt, Otherwise: "off", Shares: []davit.FlagShare{{Variant: "on", Weight: 5_000}, {Variant: "off", Weight: 95_000}}}
		return davit.Flag{Key: "a", Type: davit.FlagBoolean, Variants: davit.BooleanVariants(), Environments: map[string]davit.FlagSettings{
			env: {Enabled: true, Default: davit.FlagServe{Split: &split}},
		}}
	}
	for _, test := range []struct{ was, by, is string }{
		{"", "", ""}, {"company", "", "company"}, {"company", "plan", "plan"}, {"company", davit.TargetingKey, ""}, {"", "company", "company"},
	} {
		after, err := begun(test.was).Instruct(davit.FlagInstruction{
			Kind: davit.SetPercentages, Environment: env, By: test.by, Percentages: map[string]float64{"on": 20, "off": 80},
		})
		if err != nil {
			t.Fatal(err)
		}
		if split := after.Environments[env].Default.Split; split.By != test.is || split.Salt == nil || *split.Salt != salt || split.Otherwise != "off" {
			t.Errorf("by %q, asked for %q: %+v", test.was, test.by, split)
		}
	}
}
