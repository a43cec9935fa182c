package process

import (
	"fmt"
	"time"
)

// When a program that keeps ending is given up, and how soon it is started
// again.
const (
	firstDelay  = 100 * time.Millisecond // before the first restart; doubles
	lastDelay   = 30 * time.Second
	healthyFor  = 60 * time.Second // of readiness that make earlier ends forgotten
	loopWindow  = 60 * time.Second
	loopExits   = 5 // ends within loopWindow
	unreadyLoop = 3 // ends in a row of a program that never was ready
)

// history is the ends of one instance's program.
type history struct {
	exits []time.Time // the last loopExits
	delay time.Duration
}

// verdict says what to do about a program that ended.
type verdict struct {
	loop    bool          // it keeps ending
	exits   int           // how often, within span
	span    time.Duration // between the first and the last of them
	restart bool
	delay   time.Duration // before the restart, without jitter
}

// exited judges an end at now. readyFor is how long the program had been ready,
// proven whether the instance ever was.
func (h *history) exited(now time.Time, readyFor time.Duration, proven bool) verdict {
	if readyFor >= healthyFor {
		*h = history{}
	}
	h.exits = append(h.exits, now)
	if len(h.exits) > loopExits {
		h.exits = h.exits[1:]
	}
	v := verdict{exits: len(h.exits), span: now.Sub(h.exits[0]), restart: true, delay: h.next()}
	if proven {
		v.loop = v.exits == loopExits && v.span <= loopWindow
	} else {
		v.loop = v.exits >= unreadyLoop
		v.restart = !v.loop
	}
	return v
}

// next returns the delay before the next try and doubles it.
func (h *history) next() time.Duration {
	h.delay = min(max(firstDelay, h.delay), lastDelay)
	now := h.delay
	h.delay *= 2
	return now
}

// reason tells a person what the verdict rests on.
func (v verdict) reason(ending, lastLine string) string {
	text := ending
	switch {
	case v.loop:
		text = fmt.Sprintf("crash loop: ended %d times in %s, the last time with %s", v.exits, v.span.Round(time.Millisecond), ending)
	case v.restart:
		text = fmt.Sprintf("ended with %s; starting again in about %s", ending, v.delay)
	}
	if lastLine != "" {
		text += "; last log line: " + lastLine
	}
	return text
}
