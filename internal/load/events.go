package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// events runs one event stream: the ids have to count, and the stream has to end
// between two events.
func (s *Streams) events(ctx context.Context, opened func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.options.Target+s.options.EventsPath, http.NoBody)
	if err != nil {
		return err
	}
	response, err := s.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // it was read, or is given up
	if kind := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		return fmt.Errorf("status %d with %s", response.StatusCode, kind)
	}
	opened()
	silence := time.AfterFunc(s.options.Silence, func() { cancel(fmt.Errorf("nothing came for %s", s.options.Silence)) })
	defer silence.Stop()
	lines := bufio.NewReader(response.Body)
	for last := 0; ; last++ {
		id, err := readEvent(lines)
		if errors.Is(err, io.EOF) {
			return errEnded
		}
		if err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		if id != last+1 {
			return fmt.Errorf("event %d came after %d", id, last)
		}
		silence.Reset(s.options.Silence)
		s.count(func(f *StreamFigures) { f.Messages++ })
	}
}

// readEvent reads one event and returns its id. The error is io.EOF when the
// stream ends properly before it.
func readEvent(lines *bufio.Reader) (id int, err error) {
	for begun := false; ; begun = true {
		line, err := lines.ReadString('\n')
		switch {
		case errors.Is(err, io.EOF) && !begun && line == "":
			return 0, io.EOF
		case errors.Is(err, io.EOF):
			return 0, fmt.Errorf("the stream ended in the middle of an event, after %q", line)
		case err != nil:
			return 0, err
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return id, nil
		}
		if value, is := strings.CutPrefix(line, "id: "); is {
			if id, err = strconv.Atoi(value); err != nil {
				return 0, fmt.Errorf("the id of an event: %w", err)
			}
		}
	}
}
