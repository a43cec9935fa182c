package proxy

import (
	"cmp"
	"fmt"

	"github.com/davit-dev/davit"
)

// What goes over the control socket is numbered, so that a server and a proxy
// that are one version apart understand each other:
//
//	1  tables, renewals, drains, figures
//	2  the status tells the number; a proxy gives its place to another
//
// A new number only adds. Whoever speaks it answers to the number before as that
// does, and leaves out what a newer one says that it does not know.
const (
	protocol = 2
	oldest   = 1 // that this program still speaks with
	takeover = 2 // the first that can give its place to another
)

// speaks returns the number that a proxy says it speaks.
func (s Status) speaks() int { return cmp.Or(s.Protocol, 1) }

// understood refuses a proxy that is more than one number away from this program.
func understood(s Status) error {
	if n := s.speaks(); n < oldest || n > protocol+1 {
		return &davit.Error{Code: davit.CodeUnsupported,
			Message: fmt.Sprintf("the proxy that runs (version %s) speaks protocol %d, and this server speaks %d to %d", s.Version, n, oldest, protocol+1),
			Hint:    "run a server of a version in between first, and davit upgrade with it"}
	}
	return nil
}
