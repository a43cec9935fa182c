package server

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/engine"
)

// statusPatience is how long a status event waits for a world that hangs. The
// rollout's own record is told all the same.
const statusPatience = 5 * time.Second

// live sees how a rollout is going now.
func (s *Server) live(ctx context.Context, rollout *davit.Rollout, w *window) api.Live {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	status, err := s.Engine.Status(ctx, rollout.Application, rollout.Environment)
	if err != nil {
		p := s.problem(ctx, "status", err)
		return api.Live{Rollout: rollout, Split: davit.Split{}, Releases: []api.LiveRelease{}, Troubles: []string{p.Detail}}
	}
	w.add(status.Figures)
	return liveOf(rollout, status, w)
}

// liveOf puts together what is seen of the releases that take part: those of
// the rollout, those that have instances, those that have a share.
func liveOf(rollout *davit.Rollout, status *engine.Status, w *window) api.Live {
	want := desired(rollout)
	instances := map[davit.ReleaseID]map[string]*api.LiveService{}
	service := func(id davit.ReleaseID, name string) *api.LiveService {
		if instances[id] == nil {
			instances[id] = map[string]*api.LiveService{}
		}
		if instances[id][name] == nil {
			instances[id][name] = &api.LiveService{Name: name, Want: want.Run[id][name]}
		}
		return instances[id][name]
	}
	for id, size := range want.Run {
		for name := range size {
			service(id, name)
		}
	}
	for _, i := range status.Instances {
		count(service(i.Release, i.Service), i)
	}
	ids := map[davit.ReleaseID]bool{rollout.Plan.Stable: true, rollout.Plan.Target: true}
	for id := range instances {
		ids[id] = true
	}
	for id := range status.Split {
		ids[id] = true
	}
	delete(ids, "")
	live := api.Live{Rollout: rollout, Split: status.Split, Releases: []api.LiveRelease{}, Troubles: status.Troubles}
	for _, id := range order(rollout, ids) {
		r := api.LiveRelease{ID: id, Share: status.Split[id], Services: []api.LiveService{}}
		w.fill(&r)
		for _, name := range slices.Sorted(maps.Keys(instances[id])) {
			r.Services = append(r.Services, *instances[id][name])
		}
		live.Releases = append(live.Releases, r)
	}
	return live
}

// desired returns the state that the rollout converges to now.
func desired(r *davit.Rollout) davit.State {
	if r.Phase == davit.HaulingBack || r.Phase == davit.RolledBack || r.Stage < 0 || r.Stage >= len(r.Plan.Stages) {
		return r.Plan.Origin
	}
	return r.Plan.Stages[r.Stage].State
}

// order puts the stable release first, then the target, then others by ID.
func order(r *davit.Rollout, ids map[davit.ReleaseID]bool) []davit.ReleaseID {
	rank := func(id davit.ReleaseID) int {
		switch id {
		case r.Plan.Stable:
			return 0
		case r.Plan.Target:
			return 1
		}
		return 2
	}
	return slices.SortedFunc(maps.Keys(ids), func(a, b davit.ReleaseID) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		if a < b {
			return -1
		}
		return 1
	})
}

func count(s *api.LiveService, i davit.Instance) {
	switch i.Condition {
	case davit.Ready:
		s.Ready++
	case davit.Starting:
		s.Starting++
	case davit.Draining:
		s.Draining++
	case davit.Failed:
		s.Failed++
		s.Reason = i.Reason
	}
}
