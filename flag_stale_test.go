package davit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// TestFlagStale says which flags have had their time.
func TestFlagStale(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	split := func(shares ...davit.FlagShare) davit.FlagSettings {
		return davit.FlagSettings{Enabled: true, Default: davit.FlagServe{Split: &davit.FlagSplit{Shares: shares}}}
	}
	on := davit.FlagSettings{Enabled: true, Default: davit.FlagServe{Variant: "on"}}
	targeted, ruled := on, on
	targeted.Targets = []davit.FlagTarget{{Variant: "off", Keys: []string{"bo"}}}
	ruled.Rules = []davit.FlagRule{{}}
	for _, test := range []struct {
		name     string
		flag     davit.Flag
		settings davit.FlagSettings
		changed  time.Duration // ago
		want     string        // "" when it is not stale
	}{
		{"for all", davit.Flag{}, on, 31 * day, "everybody has got on since 2026-10-01"},
		{"off", davit.Flag{}, davit.FlagSettings{Off: "off"}, 31 * day, "everybody has got off"},
		{"nothing said", davit.Flag{}, davit.FlagSettings{}, 31 * day, "everybody has got the application's default"},
		{"whole split", davit.Flag{}, split(davit.FlagShare{Variant: "on", Weight: 10}, davit.FlagShare{Variant: "off"}), 31 * day, "everybody has got on"},
		{"split", davit.Flag{}, split(davit.FlagShare{Variant: "on", Weight: 10}, davit.FlagShare{Variant: "off", Weight: 1}), 31 * day, ""},
		{"of late", davit.Flag{}, on, 29 * day, ""},
		{"targets", davit.Flag{}, targeted, 31 * day, ""},
		{"rules", davit.Flag{}, ruled, 31 * day, ""},
		{"for good", davit.Flag{Kind: davit.FlagOperational}, on, 31 * day, ""},
		{"old", davit.Flag{Kind: davit.FlagRelease, CreatedAt: now.Add(-50 * day)}, ruled, day, "its lifetime ended on 2026-10-22"},
		{"old, and said to be", davit.Flag{Kind: davit.FlagOperational, Lifetime: davit.Duration(day), CreatedAt: now.Add(-2 * day)}, ruled, day, "its lifetime ended on 2026-10-31"},
		{"young", davit.Flag{Kind: davit.FlagRelease, CreatedAt: now.Add(-30 * day)}, ruled, day, ""},
	} {
		test.flag.Environments = map[string]davit.FlagSettings{"production": test.settings}
		r := davit.FlagRecord{Flag: test.flag, At: now.Add(-test.changed)}
		got := ""
		if s := r.Stale(now, now.Add(-30*day), time.Time{}); s != nil {
			got = strings.Join(s.Why, "; ")
		}
		if !strings.HasPrefix(got, test.want) || got != "" && test.want == "" {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	both := davit.Flag{Environments: map[string]davit.FlagSettings{"production": on, "staging": ruled}}
	if s := (&davit.FlagRecord{Flag: both}).Stale(now, now, now); s != nil {
		t.Errorf("one environment decides: %v", s.Why)
	}
	unused := davit.FlagRecord{Flag: davit.Flag{CreatedAt: now.Add(-40 * day)}, At: now}
	for ago, want := range map[time.Duration]bool{29 * day: false, 31 * day: true} {
		if s := unused.Stale(now, now.Add(-30*day), now.Add(-ago)); (s != nil) != want {
			t.Errorf("not evaluated for %s: %v", ago, s)
		}
	}
}
