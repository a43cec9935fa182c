package davit

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Whole is the sum of a split: shares are thousandths.
const Whole = 1000

// Size is how many instances of each service a release runs.
type Size map[string]int

// Total returns the number of instances.
func (s Size) Total() int {
	n := 0
	for _, count := range s {
		n += count
	}
	return n
}

// Split is the share of traffic of each release, in thousandths. It is empty
// (nothing is served) or sums to Whole. Releases without a share are absent.
type Split map[ReleaseID]int

// All returns the split that gives id everything.
func All(id ReleaseID) Split {
	if id == "" {
		return Split{}
	}
	return Split{id: Whole}
}

// Check returns an error that says what is wrong with the split, or nil.
func (s Split) Check() error {
	sum := 0
	for id, share := range s {
		if share <= 0 || share > Whole {
			return fmt.Errorf("share of %s is %d thousandths, want 1 to %d", id, share, Whole)
		}
		sum += share
	}
	if len(s) > 0 && sum != Whole {
		return fmt.Errorf("shares sum to %d thousandths, want %d", sum, Whole)
	}
	return nil
}

// Equal reports whether both give every release the same share.
func (s Split) Equal(other Split) bool { return maps.Equal(s, other) }

// String formats the split for people, largest share first: "v1 95%, v2 5%".
func (s Split) String() string {
	if len(s) == 0 {
		return "none"
	}
	ids := slices.SortedFunc(maps.Keys(s), func(a, b ReleaseID) int {
		if s[a] != s[b] {
			return s[b] - s[a]
		}
		return strings.Compare(string(a), string(b))
	})
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = id.Short() + " " + Percent(s[id])
	}
	return strings.Join(parts, ", ")
}

// Percent formats thousandths: 50 is "5%", 5 is "0.5%".
func Percent(thousandths int) string {
	if thousandths%10 == 0 {
		return fmt.Sprintf("%d%%", thousandths/10)
	}
	return fmt.Sprintf("%d.%d%%", thousandths/10, thousandths%10)
}

// State is what an environment should look like: which releases run at which
// size, and how traffic is split. The zero State runs nothing.
type State struct {
	Run   map[ReleaseID]Size `json:"run"`
	Split Split              `json:"split"`
	// Candidate is the release that previews reach; "" when there is none.
	// It may have a share or not.
	Candidate ReleaseID `json:"candidate,omitempty"`
}

// Size returns the size of release id in the state; nil when it does not run.
func (s State) Size(id ReleaseID) Size { return s.Run[id] }

// Releases returns the IDs of all releases that run, sorted.
func (s State) Releases() []ReleaseID { return slices.Sorted(maps.Keys(s.Run)) }

// Equal reports whether both states want the same. A size of 0 equals absence.
func (s State) Equal(other State) bool {
	if s.Candidate != other.Candidate || !s.Split.Equal(other.Split) {
		return false
	}
	return s.covers(other) && other.covers(s)
}

// covers reports whether every count in other is the same in s.
func (s State) covers(other State) bool {
	for id, size := range other.Run {
		for service, n := range size {
			if s.Run[id][service] != n {
				return false
			}
		}
	}
	return true
}

// Routing is what a router is asked to put in effect: the split, and the
// releases it concerns. Stable is the release that serves those who are not
// sent to the candidate; requests that may choose reach Candidate by name.
type Routing struct {
	Releases  []*Release `json:"releases"`
	Split     Split      `json:"split"`
	Stable    ReleaseID  `json:"stable,omitempty"`
	Candidate ReleaseID  `json:"candidate,omitempty"`
	// Lease bounds how long the split holds by itself; the zero Lease, for ever.
	Lease Lease `json:"lease,omitzero"`
	// Lapsed is the split that was in effect until its lease ran out; nil when
	// none did. It is for a router to tell, not for one to be asked for.
	Lapsed Split `json:"lapsed,omitempty"`
}

// Lease is a dead man's grip on a split: unless it is renewed in time, the data
// plane gives all traffic to a release that can bear it, without being asked.
type Lease struct {
	For Duration  `json:"for"` // from when the split comes into effect or is renewed
	To  ReleaseID `json:"to"`  // gets everything then
}
