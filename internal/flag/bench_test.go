package flag_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// half is on for half of the users.
func half() davit.FlagServe {
	return davit.FlagServe{Split: &davit.FlagSplit{Shares: []davit.FlagShare{{Variant: "on", Weight: 50_000}, {Variant: "off", Weight: 50_000}}}}
}

// names returns n targeting keys.
func names(n int) []string {
	made := make([]string, n)
	for i := range made {
		made[i] = fmt.Sprintf("user-%d", i)
	}
	return made
}

// fiveRules are settings with five rules, of which the last applies to users of
// the plan "team".
func fiveRules(flag int) davit.FlagSettings {
	rule := func(attribute string, op davit.FlagOperator, values ...any) davit.FlagRule {
		return davit.FlagRule{
			When:  &davit.FlagCondition{Attribute: attribute, Op: op, Values: values},
			Serve: davit.FlagServe{Variant: "on"},
		}
	}
	return davit.FlagSettings{
		Enabled: true, Default: davit.FlagServe{Variant: "off"},
		Rules: []davit.FlagRule{
			rule("country", davit.OpIn, "AT", "CH", "DE"),
			rule("email", davit.OpEndsWith, fmt.Sprintf("@team-%d.example.org", flag)),
			rule("user.age", davit.OpAtLeast, 65.0),
			rule("version", davit.OpSemver, "^2.4"),
			rule("user.plan", davit.OpEquals, "team"),
		},
	}
}

const person = `{
	"targetingKey": "7b1f9c34-5a0e-4f0e-8a8e-2f1d3c4b5a69", "country": "FR", "email": "anna@example.org", "version": "1.9.3",
	"user": {"plan": "team", "age": 34}
}`

// cases are the evaluations whose time is promised.
func cases() map[string]davit.FlagSettings {
	return map[string]davit.FlagSettings{
		"percentage": {Enabled: true, Default: half()},
		"allowlist": {
			Enabled: true, Default: davit.FlagServe{Variant: "off"},
			Targets: []davit.FlagTarget{{Variant: "on", Keys: append(names(9_999), "7b1f9c34-5a0e-4f0e-8a8e-2f1d3c4b5a69")}},
		},
		"five rules": fiveRules(0),
	}
}

func BenchmarkBoolean(b *testing.B) {
	ctx := read(b, person)
	for name, settings := range cases() {
		s := compile(b, []davit.Flag{boolean("checkout-v2", settings)})
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Boolean("checkout-v2", ctx, false)
			}
		})
	}
}

func BenchmarkEvaluate(b *testing.B) {
	ctx := read(b, person)
	for name, settings := range cases() {
		s := compile(b, []davit.Flag{boolean("checkout-v2", settings)})
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Evaluate("checkout-v2", ctx)
			}
		})
	}
}

func BenchmarkParseContext(b *testing.B) {
	b.ReportAllocs()
	src := []byte(person)
	for b.Loop() {
		if _, err := flag.ParseContext(src, time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompile compiles 10,000 flags with five rules each, and reports what
// the snapshot takes of memory beside the flags that it is made of.
func BenchmarkCompile(b *testing.B) {
	flags := make([]davit.Flag, 10_000)
	for i := range flags {
		flags[i] = boolean(fmt.Sprintf("flag-%d", i), fiveRules(i))
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := compile(b, flags)
	runtime.GC()
	runtime.ReadMemStats(&after)
	kept := float64(after.HeapAlloc-before.HeapAlloc) / (1 << 20)
	for b.Loop() {
		compile(b, flags)
	}
	b.ReportMetric(kept, "MiB/snapshot")
	runtime.KeepAlive(s)
}
