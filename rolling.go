package davit

import "fmt"

// RollingOptions are the options of a rolling rollout. Amounts are of a
// service's replicas; MaxSurge rounds up and MaxUnavailable down, as
// Kubernetes does.
type RollingOptions struct {
	Batch          Amount   `json:"batch"`          // replaced in one stage
	MaxSurge       Amount   `json:"maxSurge"`       // instances above the replicas
	MaxUnavailable Amount   `json:"maxUnavailable"` // instances below the replicas
	Bake           Duration `json:"bake,omitempty"` // after each batch
}

// Amount is a number of instances, or a percentage of the replicas when
// Percent is set.
type Amount struct {
	Count   int `json:"count,omitempty"`
	Percent int `json:"percent,omitempty"`
}

func (a Amount) up(replicas int) int {
	if a.Percent > 0 {
		return ceilDiv(replicas*a.Percent, 100)
	}
	return a.Count
}

func (a Amount) down(replicas int) int {
	if a.Percent > 0 {
		return replicas * a.Percent / 100
	}
	return a.Count
}

// rolling replaces instances batch by batch. The split follows the share of
// the largest service that is replaced; the other services keep the same
// share, rounded so that each side always can serve its part of every service.
func rolling(r request, o RollingOptions) ([]Stage, error) {
	if o.MaxSurge == (Amount{}) && o.MaxUnavailable == (Amount{}) {
		return nil, &Error{
			Code:    CodeInvalid,
			Message: "rolling with maxSurge 0 and maxUnavailable 0 could never replace an instance",
			Hint:    "set maxSurge to 1 or more",
		}
	}
	seats := seating(r, o)
	largest := 0
	for _, s := range seats {
		if s.traffic {
			largest = max(largest, s.target)
		}
	}
	if largest == 0 { // workers only: nobody is served, so nobody can be hurt by one batch
		largest = 1
	}
	batch := max(o.Batch.up(largest), 1)

	var stages []Stage
	for done, n := 0, 1; done < largest; n++ {
		next := min(done+batch, largest)
		for next > done+1 && !fits(seats, done, next, largest) {
			next--
		}
		if stable, target, needed := room(seats, done, next, largest); needed {
			share := Whole * done / largest
			if emptied(seats, stable) { // no surge, and the last ones leave: the others take over before
				share = Whole
			}
			stages = append(stages, r.stage(fmt.Sprintf("make room %d", n), stable, target, share, 0))
		}
		stable, target := occupy(seats, next, largest)
		stages = append(stages, r.stage(fmt.Sprintf("batch %d", n), stable, target, Whole*next/largest, o.Bake.D()))
		done = next
	}
	return append(stages, r.watch(nil)...), nil
}

// seat is one service in a rolling rollout.
type seat struct {
	name               string
	traffic            bool
	stable, target     int // full sizes
	surge, unavailable int
}

func seating(r request, o RollingOptions) []seat {
	var seats []seat
	for name, t := range r.target.Config.Services {
		s := seat{name: name, traffic: t.Traffic, stable: r.stable.Config.Services[name].Replicas, target: t.Replicas}
		seats = append(seats, s)
	}
	for name, old := range r.stable.Config.Services {
		if _, kept := r.target.Config.Services[name]; !kept {
			seats = append(seats, seat{name: name, traffic: old.Traffic, stable: old.Replicas})
		}
	}
	for i := range seats {
		s := &seats[i]
		s.surge, s.unavailable = o.MaxSurge.up(s.full()), o.MaxUnavailable.down(s.full())
		// Whatever the options allow, one instance always serves; and a single
		// one can only be replaced by a second beside it.
		s.unavailable = min(s.unavailable, max(min(s.stable, s.target)-1, 0))
		if s.surge+s.unavailable == 0 {
			s.surge = 1
		}
	}
	return seats
}

func (s seat) full() int { return max(s.stable, s.target) }

// at returns how many instances each side has when done of total are replaced.
func (s seat) at(done, total int) (stable, target int) {
	switch {
	case done == 0:
		return s.stable, 0
	case done == total:
		return 0, s.target
	case !s.traffic:
		target = s.target * done / total
		return ceilDiv(s.stable*(total-done), total), target
	}
	target = ceilDiv(s.target*done, total)
	stable = ceilDiv(s.stable*(total-done), total)
	if over := stable + target - s.full() - s.surge; over > 0 {
		// Both sides were rounded up. Take it from the side that is larger,
		// so that neither is left without an instance.
		if target > stable {
			target -= over
		} else {
			stable -= over
		}
	}
	return stable, target
}

// fits reports whether every service can go from done to next within its surge
// and unavailability.
func fits(seats []seat, done, next, total int) bool {
	for _, s := range seats {
		_, before := s.at(done, total)
		if _, after := s.at(next, total); s.traffic && after-before > s.surge+s.unavailable {
			return false
		}
	}
	return true
}

// room returns the sizes in which the next batch has room to start, and
// whether stable instances must leave first to make it.
func room(seats []seat, done, next, total int) (stable, target Size, needed bool) {
	stable, target = occupy(seats, done, total)
	for _, s := range seats {
		_, after := s.at(next, total)
		over := stable[s.name] + after - s.full() - s.surge
		if s.traffic && over > 0 {
			stable[s.name] -= over
			needed = true
		}
	}
	return stable, target, needed
}

// emptied reports whether the stable release could no longer serve a service.
func emptied(seats []seat, stable Size) bool {
	for _, s := range seats {
		if s.traffic && s.stable > 0 && stable[s.name] == 0 {
			return true
		}
	}
	return false
}

func occupy(seats []seat, done, total int) (stable, target Size) {
	stable, target = Size{}, Size{}
	for _, s := range seats {
		if a, b := s.at(done, total); done < total {
			if s.stable > 0 {
				stable[s.name] = a
			}
			if s.target > 0 {
				target[s.name] = b
			}
		} else if s.target > 0 {
			target[s.name] = b
		}
	}
	return stable, target
}
