package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/davit-dev/davit"
)

// Propose returns what a deploy request would do. The artifacts are pinned, as
// the release's name needs their digests; nothing else is stored or done.
func (e *Engine) Propose(ctx context.Context, req DeployRequest) (*Proposal, error) {
	if err := e.ready(ctx); err != nil {
		return nil, err
	}
	if err := req.check(); err != nil {
		return nil, err
	}
	p := place{req.Application, req.Environment}
	platform, err := e.Platform(davit.Environment{Application: p.application, Name: p.environment, Platform: req.Platform, Site: req.Site})
	if err != nil {
		return nil, err
	}
	release, err := e.pin(ctx, platform, req)
	if err != nil {
		return nil, err
	}
	var stable *davit.Release
	switch env, err := e.Store.Environment(ctx, p.application, p.environment); {
	case notFound(err):
	case err != nil:
		return nil, err
	case env.Stable != "":
		if stable, err = e.Store.Release(ctx, env.Stable); err != nil {
			return nil, err
		}
	}
	proposal, err := e.propose(ctx, platform, req, release, stable)
	if err != nil {
		return nil, err
	}
	proposal.noteCoarse(platform.Router, []*davit.Release{stable, release})
	return proposal, proposal.noteFreeze(e.Now())
}

// pin makes the release that a request asks for.
func (e *Engine) pin(ctx context.Context, platform Platform, req DeployRequest) (*davit.Release, error) {
	artifacts := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(req.Config.Services)) {
		digest, err := platform.Runtime.Pin(ctx, req.Config.Services[name])
		if err != nil {
			return nil, fmt.Errorf("pinning the artifact of service %s: %w", name, err)
		}
		if digest != "" {
			artifacts[name] = digest
		}
	}
	return davit.NewRelease(req.Application, req.Environment, req.Version, artifacts, req.Config, e.Now())
}

// propose makes the rollout of a release, not stored.
func (e *Engine) propose(ctx context.Context, platform Platform, req DeployRequest, release, stable *davit.Release) (*Proposal, error) {
	plan, err := plan(ctx, platform, stable, release, req.Policy)
	if err != nil {
		return nil, err
	}
	if err := approvable(plan, req.Actor); err != nil {
		return nil, err
	}
	if c, ok := platform.Router.(Checker); ok {
		if err := c.Check(ctx, stable, release); err != nil {
			return nil, err
		}
	}
	notes, err := e.notes(ctx, release, stable)
	if err != nil {
		return nil, err
	}
	now := e.Now()
	return &Proposal{Release: release, Notes: notes, Rollout: &davit.Rollout{
		ID: e.NewID(now), Application: req.Application, Environment: req.Environment, Kind: davit.KindDeploy,
		Plan: plan, Policy: req.Policy, Phase: davit.Queued, Actor: req.Actor, Reason: req.Reason, CreatedAt: now.UTC(),
		OverrideFreeze: req.OverrideFreeze,
	}}, nil
}

// notes says what an operator should know of a release before it is rolled out.
func (e *Engine) notes(ctx context.Context, release, stable *davit.Release) ([]string, error) {
	if stable != nil && stable.ID == release.ID {
		return []string{fmt.Sprintf("%s serves already, with the same artifacts and configuration: there is nothing to roll out", release.Version)}, nil
	}
	earlier, err := e.Store.ReleasesByVersion(ctx, release.Application, release.Environment, release.Version)
	if err != nil {
		return nil, fmt.Errorf("looking for earlier releases of %s: %w", release.Version, err)
	}
	var notes []string
	if len(earlier) > 0 && earlier[0].ID != release.ID {
		notes = append(notes, fmt.Sprintf("%s was released before as %s with %s: this is another release, %s",
			release.Version, earlier[0].ID, differences(earlier[0], release), release.ID))
	}
	return notes, nil
}

// differences says in what two releases of one version differ.
func differences(a, b *davit.Release) string {
	var what []string
	if !maps.Equal(a.Artifacts, b.Artifacts) {
		what = append(what, "other artifacts")
	}
	if a.ConfigHash != b.ConfigHash {
		what = append(what, "another configuration")
	}
	return strings.Join(what, " and ")
}

// Deploy pins the release, records the rollout and begins it. It returns when
// that is recorded, not when it has ended.
func (e *Engine) Deploy(ctx context.Context, req DeployRequest) (*Proposal, error) {
	if err := req.check(); err != nil {
		return nil, err
	}
	if err := req.checkFreeze(e.Now()); err != nil {
		return nil, err
	}
	d, err := e.found(ctx, req)
	if err != nil {
		return nil, err
	}
	release, err := e.pin(ctx, d.platform, req)
	if err != nil {
		return nil, err
	}
	var proposal *Proposal
	err = d.do(ctx, func(ctx context.Context) error {
		stable, err := d.stable(ctx)
		if err != nil {
			return err
		}
		if proposal, err = e.propose(ctx, d.platform, req, release, stable); err != nil {
			return err
		}
		proposal.Notes = append(proposal.Notes, d.barred(ctx, release.ID)...)
		if err := d.claim(ctx); err != nil {
			return err
		}
		return d.admit(ctx, proposal.Rollout, release, req.Queue)
	})
	if err != nil {
		return nil, err
	}
	return proposal, nil
}

// claim takes the environment for this server, where others could want it.
func (d *driver) claim(ctx context.Context) error {
	c, ok := d.platform.Runtime.(Claimer)
	if !ok {
		return nil
	}
	return limited(ctx, 0, c.Claim)
}

// stable returns the release that serves, nil when none does.
func (d *driver) stable(ctx context.Context) (*davit.Release, error) {
	if d.env.Stable == "" {
		return nil, nil
	}
	return d.Store.Release(ctx, d.env.Stable)
}

// admit begins a rollout when the environment is free and not frozen, queues it
// when asked to, and refuses it otherwise. What it changes in r is a copy's.
func (d *driver) admit(ctx context.Context, r *davit.Rollout, release *davit.Release, queue bool) error {
	busy := !yields(d.rollout) || slices.ContainsFunc(d.queue, func(q *davit.Rollout) bool { return frozen(q, d.Now()) == nil })
	if busy && !queue {
		return d.busy()
	}
	busy = busy || frozen(r, d.Now()) != nil
	t := d.transition(d.Now())
	if release != nil {
		t.change.Releases = append(t.change.Releases, release)
	}
	watched := t.rollout
	t.rollout = r
	t.audit(r.Actor, "rollout.create", r.Reason, nil, created{r.Kind, r.Plan.Target, r.Plan.Stable, r.Policy, r.Forced})
	if !busy {
		t.rollout = watched
		return d.beginRollout(ctx, t, r)
	}
	t.event(davit.EventPhase, "queued", davit.Queued)
	t.keep()
	if err := d.commitAside(ctx, t); err != nil {
		return err
	}
	d.queue = append(d.queue, r)
	return nil
}

// created is what the audit log keeps of a new rollout.
type created struct {
	Kind   davit.RolloutKind `json:"kind"`
	Target davit.ReleaseID   `json:"target,omitempty"`
	Stable davit.ReleaseID   `json:"stable,omitempty"`
	Policy davit.Policy      `json:"policy"`
	Forced string            `json:"forced,omitempty"`
}

// beginRollout commits the transition with r as the environment's rollout; a
// watch that was going on ends.
func (d *driver) beginRollout(ctx context.Context, t *transition, r *davit.Rollout) error {
	if t.rollout != nil {
		t.supersede(r.ID)
	}
	t.start(ptr(*r))
	if err := d.commit(ctx, t); err != nil {
		return err
	}
	*r = *t.rollout
	return nil
}

// commitAside commits a transition that leaves the environment and the rollout
// under way as they are.
func (d *driver) commitAside(ctx context.Context, t *transition) error {
	if err := d.store(ctx, &t.change); err != nil {
		return err
	}
	d.changed.send()
	return nil
}

func (d *driver) busy() error {
	r := d.rollout
	if r == nil {
		r = d.queue[0]
	}
	return &davit.Error{
		Code:    davit.CodeConflict,
		Message: fmt.Sprintf("%s has a rollout already: %s by %s is %s (%s)", d.place, titleOf(r), r.Actor, r.Phase, r.ID),
		Hint:    "wait for it, abort it with `davit abort " + d.place.environment + " --reason …`; a deployment can wait with --queue",
	}
}

// dequeue begins the first rollout that waits and is not frozen. Its plan is
// made now: what serves may be another release than when it was asked for. It
// returns when a freeze ends that others wait for.
func (d *driver) dequeue(ctx context.Context) (thaw time.Time, err error) {
	i, thaw, err := d.thawed(ctx)
	if err != nil || i < 0 {
		return thaw, err
	}
	r := d.queue[i]
	stable, err := d.stable(ctx)
	if err != nil {
		return thaw, err
	}
	var target *davit.Release
	if r.Plan.Target != "" {
		if target, err = d.Store.Release(ctx, r.Plan.Target); err != nil {
			return thaw, err
		}
	}
	size, err := present(ctx, d.platform, stable)
	if err != nil {
		return thaw, err
	}
	plan, err := davit.NewPlanAt(size, stable, target, r.Policy)
	if err != nil {
		_, err = d.drop(ctx, i, "davit", err.Error())
		return thaw, err
	}
	next := ptr(*r)
	next.Plan = plan
	if err := d.beginRollout(ctx, d.transition(d.Now()), next); err != nil {
		return thaw, err
	}
	d.queue = slices.Delete(d.queue, i, i+1)
	return thaw, nil
}

// drop ends a rollout that waits without beginning it.
func (d *driver) drop(ctx context.Context, index int, actor, cause string) (*davit.Rollout, error) {
	t := d.transition(d.Now())
	r := ptr(*d.queue[index])
	t.rollout = r
	t.giveUp(actor, cause)
	t.keep()
	if err := d.commitAside(ctx, t); err != nil {
		return nil, err
	}
	d.queue = slices.Delete(d.queue, index, index+1)
	return r, nil
}

// Command carries out an operator's word to the rollout under way.
func (e *Engine) Command(ctx context.Context, c Command) (*davit.Rollout, error) {
	d, err := e.driver(ctx, place{c.Application, c.Environment})
	if err != nil {
		return nil, err
	}
	var r *davit.Rollout
	err = d.do(ctx, func(ctx context.Context) error {
		r, err = d.command(ctx, c)
		return err
	})
	return r, err
}

func (d *driver) command(ctx context.Context, c Command) (*davit.Rollout, error) {
	if i := slices.IndexFunc(d.queue, func(r *davit.Rollout) bool { return r.ID == c.Rollout }); i >= 0 && c.Kind == CommandAbort {
		return d.drop(ctx, i, c.Actor, "aborted by "+c.Actor+" before it began: "+c.Reason)
	}
	t := d.transition(d.Now())
	if t.rollout == nil || c.Rollout != "" && c.Rollout != t.rollout.ID {
		return nil, &davit.Error{
			Code: davit.CodeConflict, Message: fmt.Sprintf("%s has no rollout to %s", d.place, c.Kind),
			Hint: "`davit status " + d.place.environment + "` shows what runs",
		}
	}
	word := apply
	if c.Kind == CommandApprove || c.Kind == CommandReject {
		word = (*transition).approve
	}
	if err := word(t, c); err != nil {
		return nil, err
	}
	if err := d.commit(ctx, t); err != nil {
		return nil, err
	}
	return ptr(*t.rollout), nil
}

// apply puts a command into the transition, or says why it cannot be.
func apply(t *transition, c Command) error {
	r := t.rollout
	refuse := func(why string) error {
		return &davit.Error{Code: davit.CodeConflict, Message: fmt.Sprintf("cannot %s rollout %s: %s", c.Kind, r.ID, why)}
	}
	moving := r.Phase == davit.Running || r.Phase == davit.Watching
	blocked := r.Phase == davit.Blocked
	if (c.Kind == CommandAbort || c.Kind == CommandAbandon) && c.Reason == "" {
		return &davit.Error{Code: davit.CodeInvalid, Message: string(c.Kind) + " needs a reason", Hint: "add --reason"}
	}
	switch {
	case c.Kind == CommandAbort && r.Phase == davit.HaulingBack: // asked twice, as one does in a hurry
	case c.Kind == CommandAbort && (moving || blocked):
		t.command(c)
		return t.turnBackFor(c.Actor, c.Reason, "aborted by "+c.Actor+": "+c.Reason, c.Force)
	case c.Kind == CommandAbandon && blocked:
		t.command(c)
		t.giveUp(c.Actor, "left as it stands by "+c.Actor+": "+c.Reason)
	case c.Kind == CommandResume && blocked:
		t.command(c)
		t.unblock()
	case c.Kind == CommandPromote && blocked:
		return t.promoteBlocked(c)
	case c.Kind == CommandAbandon && r.Phase == davit.HaulingBack:
		t.command(c)
		t.giveUp(c.Actor, "hauling back was given up by "+c.Actor+": "+c.Reason)
	case !moving || c.Kind == CommandAbandon:
		return refuse("it is " + string(r.Phase))
	case c.Kind == CommandPause && r.Phase == davit.Watching:
		return refuse("it is promoted already; its watch cannot be paused")
	case c.Kind == CommandPause && r.Paused:
		return refuse("it is paused already")
	case c.Kind == CommandPause:
		t.command(c)
		r.Paused = true
	case c.Kind == CommandResume && !r.Paused:
		return refuse("it is not paused")
	case c.Kind == CommandResume:
		t.command(c)
		r.Paused = false
	case c.Kind == CommandPromote && stageOf(r).OffClock():
		return refuse("it waits for approval, not for a time")
	case c.Kind == CommandPromote:
		t.command(c)
		r.Paused, r.Skip = false, r.Stage+1
	default:
		return &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("there is no command %q", c.Kind)}
	}
	return nil
}

// command records who asked for what, and why.
func (t *transition) command(c Command) {
	message := string(c.Kind) + " by " + c.Actor
	if c.Reason != "" {
		message += ": " + c.Reason
	}
	t.audit(c.Actor, "rollout."+string(c.Kind), c.Reason, nil, nil)
	t.event(davit.EventCommand, message, c)
}
