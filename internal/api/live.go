package api

import "github.com/davit-dev/davit"

// The names of the events in an event stream.
const (
	StreamJournal = "journal" // data is a davit.Event; its ID is the event's number
	StreamStatus  = "status"  // data is a Live; it has no ID
	StreamEnd     = "end"     // data is a Live: the rollout has ended, and all its events were sent
)

// Live is how a rollout is going, as far as a person who watches it cares.
type Live struct {
	Rollout  *davit.Rollout `json:"rollout"`
	Split    davit.Split    `json:"split" doc:"share of traffic in effect, in thousandths"`
	Releases []LiveRelease  `json:"releases"`
	Troubles []string       `json:"troubles,omitempty" doc:"what could not be seen, and why"`
}

// LiveRelease is how one of the releases that take part in a rollout is doing.
// Rate, ErrorRate and P99 are of the last seconds; Requests since its router
// started.
type LiveRelease struct {
	ID        davit.ReleaseID `json:"id"`
	Share     int             `json:"share" doc:"share of traffic in effect, in thousandths"`
	Requests  int64           `json:"requests" doc:"requests answered since the router started"`
	Rate      float64         `json:"rate" doc:"requests a second, over the last seconds"`
	ErrorRate float64         `json:"errorRate" doc:"share of failed requests, 0 to 1, over the last seconds"`
	P99       davit.Duration  `json:"p99" doc:"99th percentile of the latency, over the last seconds"`
	Services  []LiveService   `json:"services"`
}

// LiveService counts the instances of one service of one release.
type LiveService struct {
	Name     string `json:"name"`
	Want     int    `json:"want" doc:"instances that the present state asks for"`
	Ready    int    `json:"ready"`
	Starting int    `json:"starting,omitempty"`
	Draining int    `json:"draining,omitempty"`
	Failed   int    `json:"failed,omitempty"`
	Reason   string `json:"reason,omitempty" doc:"why an instance is failed"`
}
