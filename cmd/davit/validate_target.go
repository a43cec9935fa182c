package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/client"
	"github.com/davit-dev/davit/internal/config"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/validation"
)

func decodeParams(g davit.Gate, into *davit.ValidationParams) error {
	if err := json.Unmarshal(g.Params, into); err != nil {
		return fmt.Errorf("the parameters of gate %s: %w", g.Name, err)
	}
	return nil
}

// validationTarget returns what the command line means, and the gates of the
// environment that it names. Clusters are reached from here.
func (a *app) validationTarget(ctx context.Context, o validateOptions, here *clusters) (*validation.Target, []davit.Gate, error) {
	switch {
	case o.url == "" && o.environment == "":
		return nil, nil, &davit.Error{
			Code: davit.CodeInvalid, Message: "there is nothing to validate",
			Hint: "name an environment, or give --url https://…; davit validate --list prints the checks",
		}
	case o.url != "" && o.candidate:
		return nil, nil, &davit.Error{
			Code: davit.CodeInvalid, Message: "--candidate is of an environment, and --url asks no environment",
			Hint: "leave one of the two out",
		}
	case o.url == "":
		return a.environmentTarget(ctx, o, here)
	}
	t := &validation.Target{URL: o.url, Environment: o.environment, Version: o.version}
	if o.environment == "" {
		return t, nil, nil
	}
	gates, found, err := a.gatesInFile(o.environment, o.version)
	if err == nil && !found {
		err = &davit.Error{
			Code: davit.CodeInvalid, Message: "there is no davit.yaml with the settings of " + o.environment,
			Hint: "run davit in its folder, name it with -f, or leave the environment out",
		}
	}
	return t, gates, err
}

// gatesInFile returns the gates of an environment as davit.yaml has them, and
// whether there is one.
func (a *app) gatesInFile(environment, version string) ([]davit.Gate, bool, error) {
	path := cmp.Or(a.file, defaultFile)
	if _, err := os.Stat(path); a.file == "" && errors.Is(err, os.ErrNotExist) {
		return nil, false, nil
	}
	f, err := config.Load(path, checkVerifier())
	if err != nil {
		return nil, true, err
	}
	gates, err := f.Gates(environment, cmp.Or(version, "0"))
	return gates, true, err
}

// environmentTarget returns an environment of the server on this machine.
func (a *app) environmentTarget(ctx context.Context, o validateOptions, here *clusters) (*validation.Target, []davit.Gate, error) {
	address, err := a.address()
	if err != nil {
		return nil, nil, err
	}
	if !strings.HasPrefix(address, "unix:") {
		return nil, nil, &davit.Error{
			Code: davit.CodeUnsupported, Message: "the instances of " + o.environment + " listen on the server's machine only",
			Hint: "run davit validate there, or validate what can be reached from here with --url",
		}
	}
	c, application, err := a.target(ctx, o.environment)
	if err != nil {
		return nil, nil, err
	}
	status, err := c.Status(ctx, application, o.environment)
	if err != nil {
		return nil, nil, err
	}
	release, err := validated(status, o.candidate)
	if err != nil {
		return nil, nil, err
	}
	platform, err := reached(status.Environment, here)
	if err != nil {
		return nil, nil, err
	}
	door, err := findDoor(ctx, release, platform.Router)
	if err != nil {
		return nil, nil, err
	}
	t := door.Target
	if carrier, ok := platform.Runtime.(engine.Carrier); ok {
		t.Carry = carrier.Carry
	}
	t.Environment, t.Release, t.Version = o.environment, release, cmp.Or(o.version, release.Version)
	if o.candidate {
		t.Stable = status.Environment.Stable
	}
	t.Shared = status.Split[release.ID] > 0 && status.Split[release.ID] < davit.Whole
	if status.Split[release.ID] < davit.Whole {
		if err := door.choose(release.ID); err != nil {
			return nil, nil, err
		}
	}
	t.Instances = func(ctx context.Context) ([]davit.Instance, error) {
		now, err := c.Status(ctx, application, o.environment)
		if err != nil {
			return nil, err
		}
		return now.Instances, nil
	}
	t.Logs = logsFrom(c, api.LogQuery{Application: application, Environment: o.environment, Release: string(release.ID), Follow: true})
	gates, found, err := a.gatesInFile(o.environment, t.Version)
	if err == nil && !found && status.Rollout != nil {
		gates = status.Rollout.Policy.Gates
	}
	return t, gates, err
}

// reached returns the pair of an environment on a cluster, to ask there what the
// server would not; none of one that is not.
func reached(e davit.Environment, here *clusters) (engine.Platform, error) {
	if e.Platform != platformKubernetes {
		return engine.Platform{}, nil
	}
	return here.connect(e)
}

// validated returns the release to validate: what serves, or the candidate.
func validated(s *engine.Status, candidate bool) (*davit.Release, error) {
	id := s.Environment.Stable
	if candidate {
		if s.Rollout == nil || s.Rollout.Phase.Ended() || s.Rollout.Plan.Target == id {
			return nil, &davit.Error{Code: davit.CodeConflict, Message: s.Environment.Name + " has no candidate", Hint: "leave --candidate out to validate what serves"}
		}
		id = s.Rollout.Plan.Target
	}
	i := slices.IndexFunc(s.Releases, func(r *davit.Release) bool { return r.ID == id })
	if i < 0 {
		return nil, &davit.Error{Code: davit.CodeConflict, Message: s.Environment.Name + " serves nothing that could be validated", Hint: "davit deploy " + s.Environment.Name + " VERSION"}
	}
	return s.Releases[i], nil
}

// logsFrom reads lines that a server's instances write.
func logsFrom(c *client.Client, q api.LogQuery) func(context.Context, func(string) bool) error {
	return func(ctx context.Context, each func(string) bool) error {
		for line, err := range c.Logs(ctx, q) {
			if err != nil && ctx.Err() == nil {
				return err
			}
			if err != nil || !each(line.Text) {
				return nil
			}
		}
		return nil
	}
}
