//go:build linux

package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/davit-dev/davit"
)

// Strategy is how the shop is rolled out: what differs between the davit.yaml of
// one deployment and the next.
type Strategy struct {
	Name             string
	Rules            string   // the strategy, as davit.yaml says it
	Gates            []string // the gates, as davit.yaml says them
	Approvals        string   // the approvals, as davit.yaml says them
	OnDrift          string   // the environment's; "" is the default
	Deadline, Window string   // 5m and 0s when they are ""
	Patience         string   // 20s when it is ""
	API              []string // further lines of the service api
	Image            string   // that the api is pulled as; what is on the node when it is ""
}

// ErrorsGate allows one request in a hundred to fail.
const ErrorsGate = "{errors: {max: 1%, minRequests: 20}}"

// The strategies of tests that need no other ones.
var (
	BlueGreen = Strategy{Name: "blueGreen", Rules: "blueGreen"}
	Canary    = Strategy{Name: "canary", Rules: "{canary: {steps: [10, 50, 100], bake: 500ms}}"}
	Rolling   = Strategy{Name: "rolling", Rules: "{rolling: {batch: 1, maxSurge: 1, bake: 200ms}}"}
)

// Deployment is a run of "davit deploy", as it ended.
type Deployment struct {
	Result
	Began, Ended time.Time
	Rollout      *davit.Rollout // nil when there is none
	Events       []davit.Event
}

// Deploy runs "davit deploy" for a version and waits for its end. The error is
// that davit could not be run, or not be understood: what became of the release
// is in the deployment.
func (r *Rig) Deploy(ctx context.Context, s Strategy, version string) (*Deployment, error) {
	d := &Deployment{Began: time.Now()}
	file, err := r.settle(s, version)
	if err != nil {
		return nil, err
	}
	d.Result, err = r.Run(ctx, "deploy", r.environment, version, "--file", file, "--output", "json")
	d.Ended = time.Now()
	if err != nil {
		return nil, err
	}
	for lines := json.NewDecoder(strings.NewReader(d.Stdout)); lines.More(); {
		var line struct {
			Event   *davit.Event
			Rollout *davit.Rollout
		}
		if err := lines.Decode(&line); err != nil {
			return nil, fmt.Errorf("reading what davit deploy %s wrote: %w", version, err)
		}
		if line.Event != nil {
			d.Events = append(d.Events, *line.Event)
		}
		if line.Rollout != nil {
			d.Rollout = line.Rollout
		}
	}
	return d, nil
}

// Promote deploys a version and wants it to be promoted.
func (r *Rig) Promote(ctx context.Context, s Strategy, version string) (*Deployment, error) {
	d, err := r.Deploy(ctx, s, version)
	if err == nil && d.Exit != 0 {
		err = fmt.Errorf("deploying %s by %s exited %d: %s", version, s.Name, d.Exit, d.Story())
	}
	return d, err
}

// Story tells what happened, for people.
func (d *Deployment) Story() string {
	var all strings.Builder
	for _, e := range d.Events {
		fmt.Fprintf(&all, "\n  %6.2f s  %s", e.At.Sub(d.Began).Seconds(), e.Message)
	}
	return d.Stderr + all.String()
}

// BackAt returns when the router had taken all traffic from the release that was
// hauled back; zero when it was not.
func (d *Deployment) BackAt() time.Time {
	for _, e := range d.Events {
		var split davit.Split
		if d.Rollout.HauledAt.IsZero() || e.Kind != davit.EventRouted || e.At.Before(d.Rollout.HauledAt) || json.Unmarshal(e.Data, &split) != nil {
			continue
		}
		if split[d.Rollout.Plan.Target] == 0 {
			return e.At
		}
	}
	return time.Time{}
}

// Ask begins a deployment and returns when the server has recorded it.
func (r *Rig) Ask(ctx context.Context, s Strategy, version string) error {
	file, err := r.settle(s, version)
	if err != nil {
		return err
	}
	result, err := r.Run(ctx, "deploy", r.environment, version, "--file", file, "--detach")
	if err == nil && result.Exit != 0 {
		err = fmt.Errorf("davit deploy %s --detach exited %d: %s", version, result.Exit, result.Stderr)
	}
	return err
}

// Plan asks what a deployment would do. The error is that davit could not be run.
func (r *Rig) Plan(ctx context.Context, s Strategy, version string) (Result, error) {
	file, err := r.settle(s, version)
	if err != nil {
		return Result{}, err
	}
	return r.Run(ctx, "plan", r.environment, version, "--file", file)
}

// Order gives an order to the environment's rollout, such as "approve", and wants it to
// be taken.
func (r *Rig) Order(ctx context.Context, order string, args ...string) error {
	result, err := r.Run(ctx, append([]string{order, r.environment, "--application", application}, args...)...)
	if err == nil && result.Exit != 0 {
		err = fmt.Errorf("davit %s exited %d: %s", order, result.Exit, result.Stderr)
	}
	return err
}

// Status is what "davit status" says of the rig's environment.
type Status struct {
	Environment davit.Environment `json:"environment"`
	Rollout     *davit.Rollout    `json:"rollout"`
	Instances   []davit.Instance  `json:"instances"`
	Split       davit.Split       `json:"split"`
}

// String tells it for people.
func (s *Status) String() string {
	var all strings.Builder
	if r := s.Rollout; r != nil {
		fmt.Fprintf(&all, "rollout of %s: %s, stage %d, step %s, %s %+v\n", r.Plan.Target, r.Phase, r.Stage, r.Step, r.Cause, r.Verdicts)
	}
	fmt.Fprintf(&all, "stable %s, split %s, to run %v\n", s.Environment.Stable, s.Split, s.Environment.State.Run)
	for _, i := range s.Instances {
		fmt.Fprintf(&all, "%s: %s %s\n", i.ID, i.Condition, i.Reason)
	}
	return all.String()
}

// Status asks how the environment is.
func (r *Rig) Status(ctx context.Context) (*Status, error) {
	result, err := r.Run(ctx, "status", r.environment, "--application", application, "--output", "json")
	if err == nil && result.Exit != 0 {
		err = fmt.Errorf("davit status exited %d: %s", result.Exit, result.Stderr)
	}
	if err != nil {
		return nil, err
	}
	s := &Status{}
	if err := json.Unmarshal([]byte(result.Stdout), s); err != nil {
		return nil, fmt.Errorf("reading what davit status wrote: %w", err)
	}
	return s, nil
}

// When waits until the environment is so.
func (r *Rig) When(ctx context.Context, what string, so func(*Status) bool) (*Status, error) {
	const period = 400 * time.Millisecond // a command takes a while
	var last *Status
	err := until(ctx, period, what, func(ctx context.Context) (err error) {
		if last, err = r.Status(ctx); err == nil && !so(last) {
			err = fmt.Errorf("it is:\n%s", last)
		}
		return err
	})
	return last, err
}

// Settled waits until the rollout has ended and what runs is what the record says,
// all of it ready.
func (r *Rig) Settled(ctx context.Context) (*Status, error) {
	return r.When(ctx, "the rollout has ended and what runs is what is recorded", func(s *Status) bool {
		if s.Rollout == nil || !s.Rollout.Phase.Ended() {
			return false
		}
		left := map[davit.ReleaseID]davit.Size{}
		wanted := 0
		for id, size := range s.Environment.State.Run {
			left[id], wanted = davit.Size{}, wanted+size.Total()
			for service, n := range size {
				left[id][service] = n
			}
		}
		for _, i := range s.Instances {
			if i.Condition != davit.Ready || left[i.Release][i.Service] == 0 {
				return false
			}
			left[i.Release][i.Service]--
		}
		return len(s.Instances) == wanted
	})
}
