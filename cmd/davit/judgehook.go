package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/hook"
	"github.com/davit-dev/davit/internal/process"
)

// judgeHook runs the hook of a gate. It is judged once for each time that its
// stage is begun, and so at least once.
func judgeHook() engine.Judge {
	runner := &hook.Runner{
		Secrets: process.ResolveSecrets, Lookup: os.LookupEnv, Now: time.Now,
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
	}
	return func(ctx context.Context, g davit.Gate, s engine.Subject, report func(davit.Outcome, string, any)) {
		var p davit.HookParams
		if err := json.Unmarshal(g.Params, &p); err != nil {
			report(davit.Fail, "its parameters cannot be read: "+err.Error(), nil)
			return
		}
		r, ok := recorded(ctx, s, report)
		if !ok {
			return
		}
		report(davit.Inconclusive, "running", nil)
		result, err := runner.Run(ctx, p, occasion(p.Hook, s.Stage.Name, r))
		switch {
		case ctx.Err() != nil: // the stage is over, whatever came of it
		case err != nil:
			report(davit.Fail, failureText(result, err), result)
		default:
			report(davit.Pass, fmt.Sprintf("succeeded in %s", short(result.Took.D())), result)
		}
	}
}

// recorded reads the rollout, again and again while the store fails: that is no
// fault of the hook. It returns false when ctx ended first.
func recorded(ctx context.Context, s engine.Subject, report func(davit.Outcome, string, any)) (*davit.Rollout, bool) {
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		r, err := s.Recorded(ctx)
		if err == nil {
			return r, true
		}
		report(davit.Inconclusive, "reading the record: "+err.Error(), nil)
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, false
		}
	}
}

// occasion is what the hook of a stage is told. Its ID is the same whenever the
// stage is begun again.
func occasion(name, stage string, r *davit.Rollout) hook.Occasion {
	at := fmt.Sprint(r.Stage)
	if r.Phase == davit.HaulingBack {
		at = "back"
	}
	return hook.Occasion{
		ID: strings.Join([]string{r.ID, at, name}, "."), Hook: name, Stage: stage,
		Application: r.Application, Environment: r.Environment, Rollout: r.ID, Kind: r.Kind, Phase: r.Phase,
		Release: r.Plan.Target, Stable: r.Plan.Stable, Actor: r.Actor, Reason: r.Reason, Cause: r.Cause,
	}
}

// failureText says how a hook failed, with the last line of what it said.
func failureText(result hook.Result, err error) string {
	text := err.Error()
	if result.Tries > 1 {
		text += fmt.Sprintf(", in the last of %d tries", result.Tries)
	}
	lines := strings.Split(strings.TrimSpace(result.Output), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		const most = 200
		text += ": " + clip(printable(last), most)
	}
	return text
}
