package davit_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// TestServesAs says which changes of a flag applications can tell, and which are a
// kill switch.
func TestServesAs(t *testing.T) {
	base := davit.Flag{
		Key: "a", Type: davit.FlagBoolean, Variants: davit.BooleanVariants(),
		Environments: map[string]davit.FlagSettings{"production": {Enabled: true, Off: "off", Default: davit.FlagServe{Variant: "on"}}},
	}
	settings := func(alter func(*davit.FlagSettings)) func(*davit.Flag) {
		return func(f *davit.Flag) {
			s := f.Environments["production"]
			alter(&s)
			f.Environments["production"] = s
		}
	}
	const same, kills, otherwise = "same", "kills", "otherwise"
	for _, test := range []struct {
		name  string
		alter func(*davit.Flag)
		want  string
	}{
		{"nothing", func(*davit.Flag) {}, same},
		{"for people", func(f *davit.Flag) {
			f.Description, f.Owner, f.Tags, f.Kind, f.Lifetime = "d", "o", []string{"t"}, davit.FlagRelease, 1
		}, same},
		{"a variant's description", func(f *davit.Flag) { f.Variants[0].Description = "d" }, same},
		{"elsewhere", func(f *davit.Flag) { f.Environments["staging"] = davit.FlagSettings{Enabled: true} }, same},
		{"off", settings(func(s *davit.FlagSettings) { s.Enabled = false }), kills},
		{"off, and more", settings(func(s *davit.FlagSettings) { s.Enabled, s.Default = false, davit.FlagServe{} }), otherwise},
		{"off, and described", func(f *davit.Flag) {
			f.Description = "d"
			settings(func(s *davit.FlagSettings) { s.Enabled = false })(f)
		}, kills},
		{"off, with another salt", func(f *davit.Flag) { f.Salt = "s"; settings(func(s *davit.FlagSettings) { s.Enabled = false })(f) }, otherwise},
		{"default", settings(func(s *davit.FlagSettings) { s.Default.Variant = "off" }), otherwise},
		{"off variant", settings(func(s *davit.FlagSettings) { s.Off = "on" }), otherwise},
		{"values", func(f *davit.Flag) { f.Variants[0].Value = json.RawMessage("false") }, otherwise},
		{"client-side", func(f *davit.Flag) { f.ClientSide = true }, otherwise},
		{"metadata", func(f *davit.Flag) { f.Metadata = map[string]any{"a": 1} }, otherwise},
		{"gone from it", func(f *davit.Flag) { delete(f.Environments, "production") }, otherwise},
		{"gone", func(f *davit.Flag) { *f = davit.Flag{} }, otherwise},
	} {
		after := base
		after.Variants, after.Environments = slices.Clone(base.Variants), maps.Clone(base.Environments)
		test.alter(&after)
		is, killed, err := base.ServesAs(after, "production")
		got := map[[2]bool]string{{true, false}: same, {false, true}: kills, {false, false}: otherwise}[[2]bool{is, killed}]
		if err != nil || got != test.want {
			t.Errorf("%s: %q (%v), want %q", test.name, got, err, test.want)
		}
		if back, killed, err := after.ServesAs(base, "production"); back != is || killed || err != nil {
			t.Errorf("%s, the other way: %t, %t (%v)", test.name, back, killed, err)
		}
	}
	if is, killed, err := (davit.Flag{}).ServesAs(davit.Flag{Key: "a", Salt: "s"}, "production"); !is || killed || err != nil {
		t.Errorf("a new one that says nothing there: %t, %t (%v)", is, killed, err)
	}
}

// TestProtectionCheck says who may be named to approve.
func TestProtectionCheck(t *testing.T) {
	for by, valid := range map[string]bool{
		"user anna": true, "uid 1000": true, "token release-*": true, "token *": true, "token a.b@c-d": true,
		"": false, "anna": false, "user ": false, "user": false, "key ci": false, "token a*b": false, "user a b": false, "user é": false,
		"token " + strings.Repeat("x", 200): false,
	} {
		p := davit.FlagProtection{Environment: "production", Approval: davit.ApprovalParams{By: []davit.Approver{davit.Approver(by)}, Count: 1, Within: davit.Duration(time.Hour)}}
		if err := p.Check(); (err == nil) != valid {
			t.Errorf("%q: %v", by, err)
		}
	}
}

// TestLacks counts the approvals that a protection asks for.
func TestLacks(t *testing.T) {
	protection := &davit.FlagProtection{Environment: "production", Approval: davit.ApprovalParams{By: []davit.Approver{"user bo", "token *"}, Count: 2}}
	p := &davit.FlagProposal{Actor: "token anna", Not: []string{"token cleo"}}
	for _, actor := range []string{"token anna", "token cleo", "uid 1 (dan)", "uid 2 (bo)"} {
		p.Approvals = append(p.Approvals, davit.FlagApproval{Actor: actor})
		if p.Lacks(protection) == "" {
			t.Fatalf("enough with that of %s", actor)
		}
	}
	p.Approvals = append(p.Approvals, davit.FlagApproval{Actor: "token dora"})
	if lacks := p.Lacks(protection); lacks != "" {
		t.Errorf("still %s", lacks)
	}
}
