package openfeature

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	sdk "github.com/open-feature/go-sdk/openfeature"

	"github.com/davit-dev/davit"
)

const (
	// silenceMost is how long the server may say nothing; it says something every
	// 15 s.
	silenceMost = 45 * time.Second
	retryFirst  = 100 * time.Millisecond
	retryMost   = 15 * time.Second
	lineMost    = 256 << 20 // bytes of a snapshot
)

// stream keeps a provider's flags up to date.
type stream struct {
	provider *Provider
	tried    chan struct{} // closed when the server is known to give nothing for now, for the first time
	got      chan struct{} // closed when the server has said for the first time what the flags are

	mu      sync.Mutex
	started bool // the provider was started, and tells what happens
	current bool // the flags are what the server has
	last    error
	failed  bool // tried is closed
}

// start says that the provider was started, and returns why the server could not be
// asked, if it could not.
func (s *stream) start(ctx context.Context) (why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = true
	if s.last == nil {
		s.last = errors.New("the server does not answer")
	}
	if !s.current && s.provider.state.Load() != nil {
		s.provider.tell(ctx, sdk.ProviderStale, s.last.Error(), nil)
	}
	return s.last
}

// lose says that the flags may not be what the server has. It is told each time:
// the SDK may take a start that ends meanwhile for good news.
func (s *stream) lose(ctx context.Context, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.last = false, why
	if !s.failed {
		s.failed = true
		close(s.tried)
	}
	if s.started && s.provider.state.Load() != nil {
		s.provider.tell(ctx, sdk.ProviderStale, why.Error(), nil)
	}
}

// gain says that the flags are what the server has.
func (s *stream) gain(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started && !s.current {
		s.provider.tell(ctx, sdk.ProviderReady, "the flags are what the server has", nil)
	}
	s.current = true
	select {
	case <-s.got:
	default:
		close(s.got)
	}
}

// changed tells which flags say something else.
func (s *stream) changed(ctx context.Context, message string, keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started && len(keys) > 0 {
		s.provider.tell(ctx, sdk.ProviderConfigChange, message, keys)
	}
}

// run asks the server again and again until ctx ends.
func (s *stream) run(ctx context.Context) {
	wait := retryFirst
	for ctx.Err() == nil {
		heard, err := s.listen(ctx)
		if ctx.Err() != nil {
			return
		}
		s.lose(ctx, err)
		if wait = min(2*wait, retryMost); heard {
			wait = retryFirst
		}
		timer := time.NewTimer(wait/2 + rand.N(wait)) //nolint:gosec // no secret
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// listen takes what one connection brings, and says why it ended and whether
// anything was heard.
func (s *stream) listen(ctx context.Context) (heard bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(silenceMost, cancel)
	defer watchdog.Stop()
	p := s.provider
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.endpoint, nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Authorization", "Bearer "+p.options.Key)
	req.Header.Set(reportsHeader, "true")
	if has := p.state.Load(); has != nil && has.tag != "" {
		req.Header.Set("Last-Event-ID", has.tag)
	}
	resp, err := p.options.Client.Do(req)
	if err != nil {
		return false, fmt.Errorf("asking for flags: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // a stream has no end
	if resp.StatusCode != http.StatusOK {
		return false, fmt.Errorf("the server answers %s", resp.Status)
	}
	lines := bufio.NewReaderSize(resp.Body, 64<<10)
	var said event
	for {
		line, err := readLine(lines)
		if err != nil {
			return heard, fmt.Errorf("the stream of flags ended: %w", err)
		}
		watchdog.Reset(silenceMost)
		if line != "" {
			said.add(line)
			continue
		}
		if err := s.take(ctx, said); err != nil {
			return heard, err
		}
		heard, said = heard || said.name != "", event{}
	}
}

// event is one of the stream's.
type event struct{ name, id, data string }

// add takes a line of an event; comments are none.
func (e *event) add(line string) {
	field, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch field {
	case "event":
		e.name = value
	case "id":
		e.id = value
	case "data":
		e.data = value
	}
}

// take does what an event says.
func (s *stream) take(ctx context.Context, e event) error {
	switch e.name {
	case "snapshot":
		return s.replace(ctx, e)
	case "current":
		s.gain(ctx)
	case "stale":
		s.lose(ctx, errors.New("the server does not know whether its flags are the newest"))
	}
	return nil
}

// replace puts a snapshot in place of the one before. One that is not valid, of a
// server that knows more than this program, is refused; and so is an earlier one, of
// a server that is behind the one asked before: the flags are stale until it has
// caught up.
func (s *stream) replace(ctx context.Context, e event) error {
	var from davit.FlagSnapshot
	if err := json.Unmarshal([]byte(e.data), &from); err != nil {
		return fmt.Errorf("reading flags: %w", err)
	}
	if from.Application == "" || from.Environment == "" {
		return errors.New("what the server has for flags does not say of what they are")
	}
	p := s.provider
	before := p.state.Load()
	if before != nil && from.Before(&before.from) {
		s.lose(ctx, fmt.Errorf("the server has the flags of revision %d, and this program those of revision %d already", from.Revision, before.from.Revision))
		return nil
	}
	next, err := compile(from, e.id)
	if err != nil {
		return err
	}
	p.state.Store(next)
	p.reports.collect(before)
	message := ""
	if err := keep(p.options.File, from); err != nil {
		message = err.Error() // the flags are in effect nevertheless
		p.options.Log.WarnContext(ctx, "the flags are in effect, and will not be there when the program starts without a server", "error", err)
	}
	s.changed(ctx, message, next.changedSince(before))
	s.gain(ctx)
	return nil
}

// readLine reads a line without its end.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > lineMost {
			return "", errors.New("a line is too long")
		}
		if err == nil {
			return strings.TrimRight(string(line), "\r\n"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
	}
}
