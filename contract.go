package davit

import "time"

// Contraction is a step that has left an environment's data in a shape that
// releases from before cannot live with. It counts from when it was begun:
// nobody knows how far one came that was broken off.
type Contraction struct {
	Gate    string    `json:"gate"`
	Rollout string    `json:"rollout"`
	Release ReleaseID `json:"release"` // the first that can live with the data
	At      time.Time `json:"at"`
}

// Bars reports whether a release is from before the contraction, and so cannot
// be gone back to. A release that was first made before counts as such, even if
// it was deployed again since.
func (c *Contraction) Bars(r *Release) bool {
	return c != nil && r.ID != c.Release && r.CreatedAt.Before(c.At)
}

// Contracted returns the last gate that the rollout has come to and that there is
// no hauling back past.
func (r *Rollout) Contracted() (gate string, ok bool) {
	if r.StartedAt.IsZero() {
		return "", false
	}
	for _, s := range r.Plan.Stages[:min(r.Stage+1, len(r.Plan.Stages))] {
		for _, g := range s.Gates {
			if g.Contract {
				gate, ok = g.Name, true
			}
		}
	}
	return gate, ok
}
