package proxy

import (
	"net/http"
	"sync"
	"time"
)

// stall bounds how long a client may let its request's body wait, until the
// instance has answered: from there on the two may have a conversation, in which
// silence is no attack.
type stall struct {
	control *http.ResponseController
	limit   time.Duration // 0: none

	mu   sync.Mutex
	over bool // no bound any more
	done bool // cut: the writer may be gone
}

// expect starts the time for the next piece of the body.
func (s *stall) expect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over && s.limit > 0 {
		_ = s.control.SetReadDeadline(time.Now().Add(s.limit)) // net/http's own writers support it
	}
}

// lift ends the bound.
func (s *stall) lift() { s.end(time.Time{}, false) }

// cut ends the reading of the body.
func (s *stall) cut() { s.end(aLongTimeAgo, true) }

func (s *stall) end(deadline time.Time, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	s.over, s.done = true, done
	_ = s.control.SetReadDeadline(deadline)
}
