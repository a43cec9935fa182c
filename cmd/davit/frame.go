package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

// narrow is the width below which a frame gives each thing a line of its own.
const narrow = 60

// frame draws how a rollout is going, no line wider than width.
func frame(l *api.Live, trouble string, width int, now time.Time) []line {
	f := &framer{live: l, rollout: l.Rollout, now: now, width: width}
	f.head()
	f.stages()
	f.split()
	f.releases()
	for _, text := range append(l.Troubles, trouble) {
		if text != "" && !l.Rollout.Phase.Ended() {
			f.add(amber, "! %s", text)
		}
	}
	return f.lines
}

type framer struct {
	live    *api.Live
	rollout *davit.Rollout
	now     time.Time
	width   int
	lines   []line
}

func (f *framer) add(s style, format string, args ...any) {
	f.lines = append(f.lines, line{clip(printable(fmt.Sprintf(format, args...)), f.width), s})
}

// head says what is going on and how long it may take.
func (f *framer) head() {
	r := f.rollout
	what := fmt.Sprintf("%s/%s  %s", r.Application, r.Environment, title(r))
	state := string(r.Phase)
	if r.Paused {
		state = "paused"
	}
	style := bold
	switch r.Phase {
	case davit.HaulingBack, davit.FailedPhase, davit.RolledBack, davit.Blocked:
		style = red
	}
	f.add(style, "%s  %s", what, state)
	if left := f.left(); left != "" {
		f.add(faint, "%s", left)
	}
	if r.Cause != "" {
		f.add(red, "%s", r.Cause)
	}
	f.add(plain, "")
}

// left says how much time the deadline or the watch leaves.
func (f *framer) left() string {
	r := f.rollout
	switch r.Phase {
	case davit.Running:
		return f.until(r.Deadline(), 0) + " to the deadline"
	case davit.Watching:
		return f.until(r.PromotedAt, r.Policy.RollbackWindow.D()) + " of the rollback window"
	}
	return ""
}

func (f *framer) until(from time.Time, d time.Duration) string {
	return max(from.Add(d).Sub(f.now), 0).Round(time.Second).String()
}

// stages lists the stages with what is done, and the gates of the present one.
func (f *framer) stages() {
	r := f.rollout
	for i, stage := range r.Plan.Stages {
		switch {
		case i < r.Stage || r.Phase == davit.Promoted:
			f.add(green, "  ✓ %s", stage.Name)
		case i > r.Stage || r.StartedAt.IsZero():
			f.add(faint, "  · %s", stage.Name)
		case r.Phase == davit.Running || r.Phase == davit.Watching:
			f.add(bold, "  ▸ %s  %s", stage.Name, f.step(stage))
			f.verdicts()
		default:
			f.add(red, "  ✗ %s", stage.Name)
		}
	}
	if r.Phase == davit.HaulingBack {
		f.add(bold, "  ◂ back to %s  %s", orNothing(r.Plan.Stable), r.Step)
	}
	f.add(plain, "")
}

func (f *framer) step(stage davit.Stage) string {
	r := f.rollout
	if r.Step != davit.StepHold || r.HeldAt.IsZero() || stage.Takes() == 0 {
		return string(r.Step)
	}
	return "bake " + f.until(r.HeldAt, stage.Takes()) + " left"
}

func (f *framer) verdicts() {
	for _, v := range f.rollout.Verdicts {
		mark, style := "…", faint
		switch v.Outcome {
		case davit.Pass:
			mark, style = "✓", green
		case davit.Fail:
			mark, style = "✗", red
		}
		f.add(style, "      %s %s: %s", mark, v.Gate, v.Reason)
	}
}

// split draws the candidate's share as a bar.
func (f *framer) split() {
	stable, target := orNothing(f.rollout.Plan.Stable), orNothing(f.rollout.Plan.Target)
	if len(f.live.Split) == 0 || f.rollout.Plan.Stable == "" || f.rollout.Plan.Target == "" {
		f.add(plain, "  traffic: %s", f.live.Split)
		f.add(plain, "")
		return
	}
	share := f.live.Split[f.rollout.Plan.Target]
	left := fmt.Sprintf("  %s %s ", stable, davit.Percent(davit.Whole-share))
	right := fmt.Sprintf(" %s %s", davit.Percent(share), target)
	room := min(f.width-len(left)-len(right), 60)
	if room < 4 {
		f.add(plain, "  %s", f.live.Split)
	} else {
		filled := barLength(share, room)
		f.add(plain, "%s%s%s%s", left, strings.Repeat("░", room-filled), strings.Repeat("█", filled), right)
	}
	f.add(plain, "")
}

// barLength returns how many of room cells a share fills: none and all only
// when it is nothing and everything.
func barLength(share, room int) int {
	n := (share*room + davit.Whole/2) / davit.Whole
	if share > 0 {
		n = max(n, 1)
	}
	if share < davit.Whole {
		n = min(n, room-1)
	}
	return n
}

func orNothing(id davit.ReleaseID) string {
	if id == "" {
		return "nothing"
	}
	return id.Short()
}

// releases lists traffic and instances by release.
func (f *framer) releases() {
	names := labels(f.live.Releases)
	if f.width < narrow {
		for i, r := range f.live.Releases {
			f.add(bold, "  %s  %s", names[i], davit.Percent(r.Share))
			f.add(plain, "    %s", traffic(r))
			for _, s := range r.Services {
				f.add(serviceStyle(s), "    %s", serviceText(s))
			}
		}
		return
	}
	longest := 0
	for _, name := range names {
		longest = max(longest, len(name))
	}
	for i, r := range f.live.Releases {
		f.add(plain, "  %-*s  %5s  %s", longest, names[i], davit.Percent(r.Share), traffic(r))
		for _, s := range r.Services {
			f.add(serviceStyle(s), "    %s", serviceText(s))
		}
	}
}

// labels names releases as short as they can be told apart.
func labels(releases []api.LiveRelease) []string {
	times := map[string]int{}
	for _, r := range releases {
		times[r.ID.Short()]++
	}
	names := make([]string, len(releases))
	for i, r := range releases {
		names[i] = r.ID.Short()
		if times[names[i]] > 1 {
			names[i] = string(r.ID)
		}
	}
	return names
}

func traffic(r api.LiveRelease) string {
	if r.Requests == 0 {
		return "no requests"
	}
	return fmt.Sprintf("%.0f/s  errors %.2g%%  p99 %s", r.Rate, r.ErrorRate*100, r.P99)
}

func serviceText(s api.LiveService) string {
	text := fmt.Sprintf("%s %d/%d ready", s.Name, s.Ready, s.Want)
	for _, other := range []struct {
		count int
		name  string
	}{{s.Starting, "starting"}, {s.Draining, "draining"}, {s.Failed, "failed"}} {
		if other.count > 0 {
			text += fmt.Sprintf(", %d %s", other.count, other.name)
		}
	}
	if s.Reason != "" {
		text += ": " + s.Reason
	}
	return text
}

func serviceStyle(s api.LiveService) style {
	switch {
	case s.Failed > 0:
		return red
	case s.Ready < s.Want:
		return amber
	}
	return plain
}
