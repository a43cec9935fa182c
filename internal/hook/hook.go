// Package hook runs the commands and posts to the addresses that a user wants
// run and told at moments of a rollout.
package hook

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/davit-dev/davit"
)

// Runner runs hooks. All fields are required.
type Runner struct {
	// Secrets returns the values of references, by the same keys. Its errors
	// never hold a value.
	Secrets func(references map[string]string) (map[string]string, error)
	// Lookup finds variables of the server's environment.
	Lookup func(name string) (string, bool)
	Now    func() time.Time
	// Transport carries posts.
	Transport http.RoundTripper
}

// Occasion is what a hook is told: as DAVIT_ variables, or as the JSON object
// that is posted.
type Occasion struct {
	// ID is the same when a hook is run again for the same occasion, as after a
	// crash of the server: who may be told twice can tell by it.
	ID          string            `json:"id"`
	Hook        string            `json:"hook"`
	Stage       string            `json:"stage"`
	Application string            `json:"application"`
	Environment string            `json:"environment"`
	Rollout     string            `json:"rollout"`
	Kind        davit.RolloutKind `json:"kind"`
	Phase       davit.Phase       `json:"phase"`
	Release     davit.ReleaseID   `json:"release"`          // the candidate
	Stable      davit.ReleaseID   `json:"stable,omitempty"` // what served before
	Actor       string            `json:"actor"`
	Reason      string            `json:"reason,omitempty"`
	Cause       string            `json:"cause,omitempty"` // why it was hauled back
}

// variables returns what a command is told.
func (o Occasion) variables() map[string]string {
	return map[string]string{
		"DAVIT_HOOK_ID": o.ID, "DAVIT_HOOK": o.Hook, "DAVIT_STAGE": o.Stage,
		"DAVIT_APPLICATION": o.Application, "DAVIT_ENVIRONMENT": o.Environment,
		"DAVIT_ROLLOUT": o.Rollout, "DAVIT_KIND": string(o.Kind), "DAVIT_PHASE": string(o.Phase),
		"DAVIT_RELEASE": string(o.Release), "DAVIT_VERSION": o.Release.Short(),
		"DAVIT_STABLE": string(o.Stable), "DAVIT_STABLE_VERSION": o.Stable.Short(),
		"DAVIT_ACTOR": o.Actor, "DAVIT_REASON": o.Reason, "DAVIT_CAUSE": o.Cause,
	}
}

// Result is the evidence of a hook's run: of its last try.
type Result struct {
	ID     string         `json:"id"`
	Tries  int            `json:"tries"`
	Took   davit.Duration `json:"took"`             // of the last try
	Exit   *int           `json:"exit,omitempty"`   // of a command that ended by itself
	Status int            `json:"status,omitempty"` // of an answer
	// Output is the end of what was written or answered, secrets replaced.
	Output string `json:"output,omitempty"`
}

// permanent is an error that another try cannot mend.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Run runs a hook until a try succeeds or none is left. Its error says, without
// a secret, how the last try failed. A run is at least once: what succeeded and
// was not recorded before a crash is run again.
func (r *Runner) Run(ctx context.Context, p davit.HookParams, o Occasion) (Result, error) {
	result := Result{ID: o.ID}
	secrets, err := r.secrets(p)
	if err != nil {
		return result, err
	}
	for pause := time.Second; ; pause = min(2*pause, davit.HookMaxPause) {
		result.Tries++
		began := r.Now()
		err := r.try(ctx, p, o, secrets, &result)
		result.Took = davit.Duration(r.Now().Sub(began))
		if _, lost := err.(permanent); err == nil || lost || result.Tries > p.Retries { //nolint:errorlint // try returns it bare
			return result, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return result, err
		}
	}
}

// try runs a hook once.
func (r *Runner) try(ctx context.Context, p davit.HookParams, o Occasion, secrets known, result *Result) error {
	result.Exit, result.Status = nil, 0
	ctx, cancel := context.WithTimeoutCause(ctx, p.Timeout.D(), fmt.Errorf("it did not end within %s", p.Timeout))
	defer cancel()
	out := newTail(secrets.values())
	defer func() { result.Output = out.String() }()
	if p.Post != "" {
		return r.post(ctx, p, o, secrets, out, result)
	}
	return r.run(ctx, p, o, secrets, out, result)
}
