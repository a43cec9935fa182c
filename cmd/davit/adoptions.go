package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/kubernetes"
)

// adoptionLimit is how long whoever adopts waits for the release to serve. It goes on
// without them.
const adoptionLimit = 5 * time.Minute

// adoptions take over applications that run on a cluster already.
type adoptions struct {
	clusters *clusters
	engine   *engine.Engine
}

// Adopt takes over what runs in an environment's namespace, and returns when the
// release serves in its place. Asked again, it goes on where it was.
func (a *adoptions) Adopt(ctx context.Context, req engine.DeployRequest, plan bool) (*api.Adopted, error) {
	if req.Platform != platformKubernetes || req.Site.Kubernetes == nil {
		return nil, &davit.Error{
			Code: davit.CodeUnsupported, Message: "only what runs on Kubernetes can be adopted, and " + req.Environment + " is on " + req.Platform,
			Hint: "deploy it beside what runs, and lead the traffic to it",
		}
	}
	site := *req.Site.Kubernetes
	cluster, err := a.clusters.at(site)
	if err != nil {
		return nil, err
	}
	stable, err := a.stable(ctx, req)
	if err != nil {
		return nil, err
	}
	done := &api.Adopted{Steps: []string{}, Release: stable}
	if stable == "" {
		if done, err = a.begin(ctx, cluster, req, plan); err != nil {
			return nil, err
		}
	}
	if plan {
		return done, nil
	}
	ctx, cancel := context.WithTimeout(ctx, adoptionLimit)
	defer cancel()
	if err := relieved(ctx, cluster, req); err != nil {
		return nil, err
	}
	return done, nil
}

// stable returns the release that serves in an environment; "" when there is none.
func (a *adoptions) stable(ctx context.Context, req engine.DeployRequest) (davit.ReleaseID, error) {
	status, err := a.engine.Status(ctx, req.Application, req.Environment)
	switch {
	case davit.ErrorCode(err) == davit.CodeNotFound:
		return "", nil
	case err != nil:
		return "", err
	}
	return status.Environment.Stable, nil
}

// begin surveys what runs and, unless only the plan is wanted, claims it and has the
// engine run a release in its place.
func (a *adoptions) begin(ctx context.Context, cluster *kubernetes.Cluster, req engine.DeployRequest, plan bool) (*api.Adopted, error) {
	plain, err := cluster.Survey(ctx, req.Application, req.Environment, gatewayOptions(*req.Site.Kubernetes), req.Config)
	if err != nil {
		return nil, err
	}
	if req.Config, err = plain.Config(req.Config); err != nil {
		return nil, err
	}
	proposal, err := a.engine.Propose(ctx, req)
	if err != nil {
		return nil, err
	}
	adopted := &api.Adopted{Steps: plain.Steps(req.Version), Notes: plain.Notes(), Release: proposal.Release.ID}
	if plan {
		return adopted, nil
	}
	if err := cluster.Claim(ctx, plain, proposal.Release.ID); err != nil {
		return nil, err
	}
	release, err := a.engine.Adopt(ctx, engine.AdoptRequest{
		Application: req.Application, Environment: req.Environment, Platform: req.Platform, Site: req.Site,
		Version: req.Version, Config: req.Config, Actor: req.Actor, Reason: req.Reason,
	})
	if err != nil {
		return nil, err
	}
	if release.ID != adopted.Release { // an image's tag was moved this very moment
		err = cluster.Claim(ctx, plain, release.ID)
	}
	adopted.Release = release.ID
	return adopted, err
}

// relieved waits until nothing of what ran before is left to be taken over.
func relieved(ctx context.Context, cluster *kubernetes.Cluster, req engine.DeployRequest) error {
	left, err := cluster.Claimed(ctx, req.Application, req.Environment)
	if err == nil && left {
		err = cluster.Relieved(ctx, req.Application, req.Environment)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &davit.Error{
			Code: davit.CodeUnavailable, Message: fmt.Sprintf("after %s %s/%s is not taken over yet; what ran before serves on", adoptionLimit, req.Application, req.Environment), Err: err,
			Hint: "davit status says what it waits for; it goes on by itself, and davit adopt waits again; davit down takes Davit's part away",
		}
	}
	return err
}
