package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// StreamOptions say which streams are kept open.
type StreamOptions struct {
	// Target is the front door: "http://host:port".
	Target string
	// WebSockets and Events are how many of each are open at the same time.
	WebSockets, Events int
	// WebSocketPath echoes every message. EventsPath streams server-sent events
	// whose ids count from 1 without a gap.
	WebSocketPath, EventsPath string
	// Every is the time between two messages of a WebSocket; 500 ms when it is 0.
	Every time.Duration
	// Silence is how long a stream may say nothing before it counts as cut; 15 s
	// when it is 0.
	Silence time.Duration
	// Dial opens a connection to the target; nil dials TCP.
	Dial func(ctx context.Context) (net.Conn, error)
}

const (
	defaultEvery   = 500 * time.Millisecond
	defaultSilence = 15 * time.Second
	// crowd is the time within which ends count as being at the same moment.
	crowd       = 100 * time.Millisecond
	mostSamples = 5
)

// Streams keeps streams open: one that is ended is opened again at once. Its
// methods are safe for concurrent use.
type Streams struct {
	options StreamOptions
	http    *http.Client

	mu      sync.Mutex
	figures StreamFigures
	ends    []time.Time // of those that ended properly, the last crowd of them
}

// StreamFigures are what became of streams.
type StreamFigures struct {
	Open     int   `json:"open"`     // at this moment
	Opened   int64 `json:"opened"`   // since the start
	Messages int64 `json:"messages"` // that came as expected
	// Ended streams were ended in the way their protocol has for it: a close frame
	// that says going away (1001), the end of the answer between two events.
	Ended int64 `json:"ended"`
	// Cut streams ended in any other way, fell silent, or missed a message.
	Cut int64 `json:"cut"`
	// Refused is how often a stream could not be opened.
	Refused int64 `json:"refused"`
	// Together is the largest number of streams that were ended within 100 ms.
	Together int `json:"together"`
	// Samples are the first cuts and refusals, for people.
	Samples []string `json:"samples,omitempty"`
}

// errEnded is how a stream ends properly.
var errEnded = errors.New("the stream was ended")

// NewStreams returns streams that are not open yet.
func NewStreams(o StreamOptions) *Streams {
	if o.Every <= 0 {
		o.Every = defaultEvery
	}
	if o.Silence <= 0 {
		o.Silence = defaultSilence
	}
	dial := (&net.Dialer{Timeout: defaultTimeout}).DialContext
	if o.Dial != nil {
		dial = func(ctx context.Context, _, _ string) (net.Conn, error) { return o.Dial(ctx) }
	}
	return &Streams{options: o, http: &http.Client{Transport: &http.Transport{
		DialContext: dial, DisableKeepAlives: true, ResponseHeaderTimeout: defaultTimeout,
	}}}
}

// Run keeps the streams open until ctx ends, and returns when all are closed.
func (s *Streams) Run(ctx context.Context) {
	var clients sync.WaitGroup
	for range s.options.WebSockets {
		clients.Go(func() { s.keep(ctx, "WebSocket", s.echo) })
	}
	for range s.options.Events {
		clients.Go(func() { s.keep(ctx, "event stream", s.events) })
	}
	clients.Wait()
}

// Figures returns what became of the streams up to now.
func (s *Streams) Figures() StreamFigures {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.figures
	f.Samples = append([]string(nil), f.Samples...)
	return f
}

// Since returns what came after the earlier figures. Open and Together stay.
func (f StreamFigures) Since(earlier StreamFigures) StreamFigures {
	f.Opened -= earlier.Opened
	f.Messages -= earlier.Messages
	f.Ended -= earlier.Ended
	f.Cut -= earlier.Cut
	f.Refused -= earlier.Refused
	f.Samples = f.Samples[min(len(earlier.Samples), len(f.Samples)):]
	return f
}

// refusedPause is the wait after a stream could not be opened.
const refusedPause = 100 * time.Millisecond

// keep opens one stream after the other until ctx ends. run returns errEnded for
// one that was ended properly; it calls opened once the stream is open.
func (s *Streams) keep(ctx context.Context, what string, run func(ctx context.Context, opened func()) error) {
	for ctx.Err() == nil {
		open := false
		err := run(ctx, func() {
			open = true
			s.count(func(f *StreamFigures) { f.Open++; f.Opened++ })
		})
		over := ctx.Err() != nil
		s.count(func(f *StreamFigures) {
			if open {
				f.Open--
			}
			switch {
			case over: // by ourselves
			case !open:
				f.Refused++
				f.sample("a %s could not be opened: %v", what, err)
			case errors.Is(err, errEnded):
				f.Ended++
				f.Together = max(f.Together, s.together(time.Now()))
			default:
				f.Cut++
				f.sample("a %s was cut: %v", what, err)
			}
		})
		if open || over {
			continue
		}
		pause := time.NewTimer(refusedPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
		pause.Stop()
	}
}

func (s *Streams) count(change func(*StreamFigures)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.figures)
}

// together enters an end and returns how many there were in the last moment. The
// caller holds mu.
func (s *Streams) together(now time.Time) int {
	s.ends = append(s.ends, now)
	for now.Sub(s.ends[0]) > crowd {
		s.ends = s.ends[1:]
	}
	return len(s.ends)
}

func (f *StreamFigures) sample(format string, args ...any) {
	if len(f.Samples) < mostSamples {
		f.Samples = append(f.Samples, fmt.Sprintf(format, args...))
	}
}
