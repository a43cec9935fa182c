package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/engine"
)

// Disown leaves what serves in an environment running as plain objects, and begins to
// take Davit's part away. Asked again, it goes on where it was.
func (a *adoptions) Disown(ctx context.Context, req engine.DownRequest) (*davit.Rollout, error) {
	status, err := a.engine.Status(ctx, req.Application, req.Environment)
	if err != nil {
		return nil, err
	}
	e := status.Environment
	i := slices.IndexFunc(status.Releases, func(r *davit.Release) bool { return r.ID == e.Stable })
	switch {
	case e.Platform != platformKubernetes || e.Site.Kubernetes == nil:
		return nil, &davit.Error{Code: davit.CodeUnsupported, Message: "only what runs on Kubernetes can be disowned, and " + e.Name + " is on " + e.Platform, Hint: "davit down stops it"}
	case e.Stable == "" || i < 0:
		return nil, &davit.Error{Code: davit.CodeRefused, Message: fmt.Sprintf("nothing serves in %s/%s", e.Application, e.Name), Hint: "there is nothing to disown"}
	case e.Rollout != "" && status.Rollout != nil && !status.Rollout.Phase.Ended() && status.Rollout.Phase != davit.Watching:
		return nil, &davit.Error{Code: davit.CodeRefused, Message: fmt.Sprintf("a rollout of %s/%s is under way", e.Application, e.Name), Hint: "wait for its end, or davit abort"}
	}
	cluster, err := a.clusters.at(*e.Site.Kubernetes)
	if err != nil {
		return nil, err
	}
	if err := cluster.Disown(ctx, status.Releases[i], gatewayOptions(*e.Site.Kubernetes)); err != nil {
		return nil, err
	}
	return a.engine.Down(ctx, req)
}
