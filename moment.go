package davit

// Moment is a point of a rollout at which something else than a stage of its
// strategy comes in: an approval, a hook.
type Moment struct {
	Kind MomentKind `json:"kind"`
	// Share is of BeforeShare, in thousandths.
	Share int `json:"share,omitempty"`
}

// MomentKind names a moment.
type MomentKind string

// The moments, in the order in which a rollout comes to them.
const (
	BeforeStart     MomentKind = "before start"     // nothing of the candidate runs yet
	BeforeTraffic   MomentKind = "before traffic"   // the candidate has no share yet; it is up, unless stable would have to make room
	BeforeShare     MomentKind = "before share"     // the candidate's share is to become Share or more
	BeforeStep      MomentKind = "before step"      // every time the candidate's share is to grow
	BeforePromotion MomentKind = "before promotion" // the candidate has everything, and has passed
	AfterPromotion  MomentKind = "after promotion"  // stable is kept warm, and may still be gone back to
	AfterWatch      MomentKind = "after watch"      // the rollback window is over, and nothing else runs
	AfterHaulBack   MomentKind = "after haul back"  // the origin is reached
)

// String says which moment it is: "before 25%".
func (m Moment) String() string {
	if m.Kind == BeforeShare {
		return "before " + Percent(m.Share)
	}
	return string(m.Kind)
}

// After reports whether it is a moment at which the rollout is decided already.
func (m Moment) After() bool {
	return m.Kind == AfterPromotion || m.Kind == AfterWatch || m.Kind == AfterHaulBack
}

// grows reports whether it is the moment at which the candidate's share grows
// from one number of thousandths to another.
func (m Moment) grows(from, to int) bool {
	switch m.Kind {
	case BeforeTraffic:
		return from == 0 && to > 0
	case BeforeShare:
		return from < m.Share && m.Share <= to
	case BeforeStep:
		return from < to
	default:
		return false
	}
}
