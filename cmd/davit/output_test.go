package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/config"
	"github.com/davit-dev/davit/internal/engine"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// example returns a canary of v2 over v1 that bakes at 25 %.
func example(t *testing.T) *davit.Rollout {
	t.Helper()
	policy := davit.Policy{
		Strategy: davit.Strategy{Kind: davit.KindCanary, Canary: davit.CanaryOptions{Steps: []davit.CanaryStep{
			{Weight: 50, Bake: davit.Duration(30 * time.Second)}, {Weight: 250, Bake: davit.Duration(time.Minute)}, {Weight: 1000},
		}}},
		Gates:    []davit.Gate{davit.ErrorRate("errors", davit.ErrorsParams{MaxRate: 0.01, MinRequests: 100})},
		Deadline: davit.Duration(15 * time.Minute), Patience: davit.Duration(time.Minute), RollbackWindow: davit.Duration(5 * time.Minute),
	}
	v1, v2 := exampleRelease(t, "v1"), exampleRelease(t, "v2")
	plan, err := davit.NewPlan(v1, v2, policy)
	if err != nil {
		t.Fatal(err)
	}
	return &davit.Rollout{
		ID: "06h0bu36jm3r4lgi", Application: "shop", Environment: "staging", Kind: davit.KindDeploy, Plan: plan, Policy: policy,
		Phase: davit.Running, Stage: 1, Step: davit.StepHold, Actor: "uid 1000 (anna)", Reason: "new basket",
		Verdicts: []davit.Verdict{
			{Gate: "errors", Outcome: davit.Pass, Reason: "1 of 2031 requests failed (0.049%, at most 1% allowed)"},
			{Gate: "bake", Outcome: davit.Inconclusive, Reason: "held until 12:02:00"},
		},
		CreatedAt: noon, StartedAt: noon, StageAt: noon.Add(55 * time.Second), HeldAt: noon.Add(time.Minute),
	}
}

func exampleRelease(t *testing.T, version string) *davit.Release {
	t.Helper()
	r, err := davit.NewRelease("shop", "staging", version, nil, davit.ReleaseConfig{Services: map[string]davit.Service{
		"web": {Name: "web", Traffic: true, Replicas: 4}, "worker": {Name: "worker", Replicas: 1},
	}, Routes: []davit.Route{{Prefix: "/", Service: "web"}}}, noon)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func exampleLive(r *davit.Rollout) *api.Live {
	stable, target := r.Plan.Stable, r.Plan.Target
	return &api.Live{
		Rollout: r, Split: davit.Split{stable: 750, target: 250},
		Releases: []api.LiveRelease{
			{ID: stable, Share: 750, Requests: 91234, Rate: 304.2, ErrorRate: 0.0004, P99: davit.Duration(12 * time.Millisecond),
				Services: []api.LiveService{{Name: "web", Want: 4, Ready: 4}, {Name: "worker", Want: 1, Ready: 1}}},
			{ID: target, Share: 250, Requests: 2031, Rate: 101.4, ErrorRate: 0.0005, P99: davit.Duration(14 * time.Millisecond),
				Services: []api.LiveService{{Name: "web", Want: 1, Ready: 1, Starting: 2, Failed: 1, Reason: "exit status 1, three times in 10s"}}},
		},
		Troubles: []string{"the router did not answer; it is tried again"},
	}
}

func TestPlanOutput(t *testing.T) {
	compare(t, "testdata/plan.txt", planText(&engine.Proposal{Rollout: example(t)}))
	r := example(t)
	r.Plan, _ = davit.NewPlan(nil, exampleRelease(t, "v1"), r.Policy)
	compare(t, "testdata/plan-first.txt", planText(&engine.Proposal{Rollout: r}))
	r = example(t)
	r.Policy.Gates = append(r.Policy.Gates, davit.Analysis("analysis", davit.AnalysisParams{Alpha: 0.01, Early: true}))
	r.Plan, _ = davit.NewPlan(exampleRelease(t, "v1"), exampleRelease(t, "v2"), r.Policy)
	if got := planText(&engine.Proposal{Rollout: r}); !strings.Contains(got, "unless a gate ends one early") {
		t.Errorf("a plan that may end early says\n%s", got)
	}
}

func TestFrames(t *testing.T) {
	hauling := example(t)
	hauling.Phase, hauling.Step, hauling.Cause = davit.HaulingBack, davit.StepDrain, "gate errors failed: 50 of 120 requests failed (41.7%, at most 1% allowed)"
	watching := example(t)
	watching.Phase, watching.Stage, watching.PromotedAt, watching.Verdicts = davit.Watching, len(watching.Plan.Stages)-1, noon.Add(time.Minute), nil
	for name, r := range map[string]*davit.Rollout{"running": example(t), "hauling-back": hauling, "watching": watching} {
		for _, width := range []int{80, 40} {
			var b strings.Builder
			for _, l := range frame(exampleLive(r), "", width, noon.Add(75*time.Second)) {
				if n := utf8.RuneCountInString(l.text); n > width {
					t.Errorf("%s at %d columns: a line of %d: %s", name, width, n, l.text)
				}
				b.WriteString(l.text + "\n")
			}
			compare(t, fmt.Sprintf("testdata/frame-%s-%d.txt", name, width), b.String())
		}
	}
}

func TestFrameHoldsAtEveryWidth(t *testing.T) {
	l := exampleLive(example(t))
	for width := 1; width <= 200; width++ {
		for _, line := range frame(l, "a\x1b[2Jtrouble\n", width, noon) {
			if n := utf8.RuneCountInString(line.text); n > width || strings.ContainsAny(line.text, "\x1b\n") {
				t.Fatalf("at %d columns: %q", width, line.text)
			}
		}
	}
}

func TestLiveViewRedrawsInPlace(t *testing.T) {
	var out bytes.Buffer
	v := &liveView{out: &out, size: func() (int, int) { return 80, 8 }, now: func() time.Time { return noon }, color: true}
	for range 2 {
		if err := v.live(exampleLive(example(t))); err != nil {
			t.Fatal(err)
		}
	}
	first, second, found := strings.Cut(out.String(), "\x1b[7A\r") // 7 lines up: one less than the screen has
	if !found || first != second {
		t.Errorf("the second frame is not drawn over the first: %q", out.String())
	}
	if !strings.Contains(first, "\x1b[1mshop/staging") {
		t.Errorf("no colour: %q", first)
	}
}

func TestPlainAndJSONViews(t *testing.T) {
	verdict := func(o davit.Outcome) json.RawMessage {
		text, err := json.Marshal(davit.Verdict{Gate: "errors", Outcome: o})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	events := []davit.Event{
		{Seq: 1, At: noon, Kind: davit.EventPhase, Message: "deploy to v2 began"},
		{Seq: 2, At: noon.Add(time.Second), Kind: davit.EventStage, Message: "stage 1 of 4: canary 5%"},
		{Seq: 3, At: noon.Add(2 * time.Second), Kind: davit.EventVerdict, Message: "errors: inconclusive, nothing seen", Data: verdict(davit.Inconclusive)},
		{Seq: 4, At: noon.Add(3 * time.Second), Kind: davit.EventVerdict, Message: "errors: fail, half of it", Data: verdict(davit.Fail)},
		{Seq: 5, At: noon.Add(3 * time.Second), Kind: davit.EventPhase, Message: "hauling back: gate errors failed: half of it"},
	}
	r := example(t)
	r.Phase, r.Cause = davit.RolledBack, "gate errors failed: half of it"
	r.HauledAt, r.EndedAt = noon.Add(3*time.Second), noon.Add(3*time.Second+210*time.Millisecond)
	for _, output := range []string{"text", "json"} {
		var out, stderr bytes.Buffer
		a := &app{stdout: &out, stderr: &stderr, output: output, now: func() time.Time { return noon }}
		v := a.newView()
		for _, e := range events {
			if err := v.event(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(v.live(exampleLive(r)), v.lost(errors.New("no route to host")), v.tick(), v.end(r)); err != nil {
			t.Fatal(err)
		}
		compare(t, "testdata/view-"+output+".txt", out.String())
	}
}

func TestStatusOutput(t *testing.T) {
	r := example(t)
	compare(t, "testdata/status.txt", statusText(&engine.Status{
		Environment: davit.Environment{Application: "shop", Name: "staging", Platform: "process", Stable: r.Plan.Stable},
		Rollout:     r, Split: davit.Split{r.Plan.Stable: 750, r.Plan.Target: 250},
		Instances: []davit.Instance{
			{ID: "web-1", Release: r.Plan.Stable, Service: "web", Address: "127.0.0.1:20001", Condition: davit.Ready,
				Usage: davit.Usage{MemoryBytes: 14 << 20, CPU: davit.Duration(1234567 * time.Microsecond)}},
			{ID: "worker-2", Release: r.Plan.Target, Service: "worker", Condition: davit.Failed, Reason: "exit status 1\x1b[2J", Restarts: 3},
		},
		Troubles: []string{"the figures: the proxy does not answer"},
	}))
}

func TestHistoryOutput(t *testing.T) {
	promoted, failed, queued := example(t), example(t), example(t)
	promoted.Phase, promoted.PromotedAt = davit.Promoted, noon.Add(83*time.Second)
	failed.Phase, failed.Cause, failed.HauledAt, failed.EndedAt = davit.RolledBack, "gate errors failed", noon.Add(time.Second), noon.Add(1210*time.Millisecond)
	queued.Phase, queued.StartedAt, queued.Reason = davit.Queued, time.Time{}, ""
	var b bytes.Buffer
	if err := writeHistory(&b, []*davit.Rollout{queued, failed, promoted}); err != nil {
		t.Fatal(err)
	}
	compare(t, "testdata/history.txt", b.String())
}

func TestErrorOutput(t *testing.T) {
	_, wrongConfig := config.Parse("davit.yaml", []byte("application: shop\nservices:\n  web: {comand: run}\n"))
	var b strings.Builder
	for _, test := range []struct {
		err  error
		code int
	}{
		{&davit.Error{Code: davit.CodeConflict, Message: "shop/staging has a rollout already", Hint: "wait for it"}, exitRefused},
		{fmt.Errorf("planning: %w", &davit.Error{Code: davit.CodeUnavailable, Message: "no server answers", Hint: "start one", Err: syscall.ECONNREFUSED}), exitUnavailable},
		{wrongConfig, exitUsage},
		{usageError(errors.New("unknown flag: --nope")), exitUsage},
		{&davit.Error{Code: davit.CodeNotFound, Message: "there is no environment x"}, exitUsage},
		{&davit.Error{Code: davit.CodeUnsupported, Message: "needs Linux"}, exitRefused},
		{errors.New("a defect"), exitFailed},
		{outcome(exitHauledBack), exitHauledBack},
		{fmt.Errorf("waiting: %w", context.Canceled), exitDetached},
		{nil, exitOK},
	} {
		var stderr bytes.Buffer
		if code := (&app{stderr: &stderr}).report(test.err); code != test.code {
			t.Errorf("%v: exit code %d, want %d", test.err, code, test.code)
		}
		fmt.Fprintf(&b, "--- exit code %d\n%s", test.code, &stderr)
	}
	compare(t, "testdata/errors.txt", b.String())
}

func TestOutcomes(t *testing.T) {
	for _, test := range []struct {
		phase davit.Phase
		back  bool
		code  int
	}{
		{davit.Promoted, false, exitOK}, {davit.Watching, false, exitOK}, {davit.RolledBack, false, exitHauledBack},
		{davit.RolledBack, true, exitOK}, {davit.FailedPhase, false, exitFailed}, {davit.FailedPhase, true, exitFailed},
	} {
		f := &follower{rollout: &davit.Rollout{Phase: test.phase}, back: test.back}
		if code := (&app{}).report(f.outcome()); code != test.code {
			t.Errorf("%s, back %t: exit code %d, want %d", test.phase, test.back, code, test.code)
		}
	}
}
