package davit

import "time"

// request is what every strategy gets: the release that serves, the one to
// promote, and the policy.
type request struct {
	stable, target *Release // at their present sizes
	alone          Size     // of the target once nothing runs beside it
	policy         Policy
}

// stage returns a stage in which the candidate has a share of the traffic, with
// the gates that apply there and a bake time.
func (r request) stage(name string, stable, target Size, share int, bake time.Duration) Stage {
	state := State{Run: map[ReleaseID]Size{r.target.ID: target}, Split: Split{}, Candidate: r.target.ID}
	if r.stable != nil {
		state.Run[r.stable.ID] = stable
		if share < Whole {
			state.Split[r.stable.ID] = Whole - share
		}
	}
	if share > 0 {
		state.Split[r.target.ID] = share
	}
	return Stage{Name: name, State: state, Gates: r.gates(share, bake)}
}

// gates returns the policy's gates that apply at a share, between the one that
// every stage has and a bake gate.
func (r request) gates(share int, bake time.Duration) []Gate {
	gates := []Gate{Instances()}
	for _, g := range r.policy.Gates {
		if share > 0 || !g.NeedsTraffic {
			gates = append(gates, g)
		}
	}
	if bake > 0 {
		gates = append(gates, Bake(bake))
	}
	return gates
}

// watch returns the stages after promotion: the target serves alone and stable
// stays warm for the rollback window, so that going back takes no start; then
// stable is retired.
func (r request) watch(warm Size) []Stage {
	alone := State{Run: map[ReleaseID]Size{r.target.ID: r.alone}, Split: All(r.target.ID)}
	retire := Stage{Name: "retire", State: alone, Watch: true}
	window := r.policy.RollbackWindow.D()
	if window <= 0 {
		return []Stage{retire}
	}
	watch := r.stage("watch", warm, r.target.Full(), Whole, window)
	watch.Watch = true
	return []Stage{watch, retire}
}

// sized returns the size of a release that has a share of the traffic. Services
// with traffic run at serving; workers, which nobody can split requests for,
// follow the share.
func sized(r *Release, share int, serving func(replicas int) int) Size {
	size := Size{}
	for name, s := range r.Config.Services {
		if s.Traffic {
			size[name] = serving(s.Replicas)
		} else {
			size[name] = ceilDiv(s.Replicas*share, Whole)
		}
	}
	return size
}

// full is the serving size of a release that may get everything at any time.
func full(replicas int) int { return replicas }

// first brings up the first release of an environment. There is nothing to
// split with and nothing to go back to but nothing, so gates on traffic, which
// nobody may send yet, do not hold it.
func first(r request) []Stage {
	bake := time.Duration(0)
	if r.policy.Strategy.Kind == KindBlueGreen {
		bake = r.policy.Strategy.BlueGreen.Bake.D()
	}
	open := r.stage("open", nil, r.target.Full(), Whole, bake)
	open.State.Candidate, open.Gates = "", r.gates(0, bake)
	return []Stage{r.stage("preview", nil, sized(r.target, 0, full), 0, 0), open}
}

// same converges an environment to the release that it runs already.
func same(r request) []Stage {
	return []Stage{{Name: "converge", State: State{
		Run: map[ReleaseID]Size{r.target.ID: r.alone}, Split: All(r.target.ID),
	}, Gates: r.gates(0, 0)}}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
