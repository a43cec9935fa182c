package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/davit-dev/davit"
)

// Query says which lines Logs returns.
type Query struct {
	Release  davit.ReleaseID // "" any
	Service  string          // "" any
	Instance string          // "" any
	// Lines bounds the earlier lines of each instance: the last so many; 0
	// all that are kept, negative none.
	Lines int
	// Follow goes on with what is written from now on, by instances that
	// start later too, until the context ends.
	Follow bool
}

// Line is one line of an instance's output, without its end. Lines longer than
// 64 KiB come in pieces.
type Line struct {
	Instance string          `json:"instance"`
	Service  string          `json:"service"`
	Release  davit.ReleaseID `json:"release"`
	Text     string          `json:"text"`
}

const lineLimit = 64 << 10

func (q Query) matches(r record) bool {
	return (q.Release == "" || q.Release == r.Release) &&
		(q.Service == "" || q.Service == r.Service) &&
		(q.Instance == "" || q.Instance == r.ID)
}

// Logs calls each with the lines that the query asks for, in the order in which
// an instance wrote them. Instances that ended are included as long as their
// logs are kept. It returns the first error of each, nil when all was read or
// ctx ended a following.
func (r *Runtime) Logs(ctx context.Context, query Query, each func(Line) error) error {
	f := &follower{runtime: r, query: query, each: each, cursors: map[string]*cursor{}}
	if !query.Follow {
		return f.read(ctx, query.Lines)
	}
	watch, err := newFolderWatch()
	if err != nil {
		return err
	}
	f.watch = watch
	written := make(chan struct{}, 1)
	var task sync.WaitGroup
	task.Go(func() { watch.run(written) })
	defer task.Wait()
	defer watch.close()
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	changed := r.Watch(following)
	for lines := query.Lines; ; lines = 0 {
		if err := f.read(ctx, lines); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-written:
		case _, open := <-changed:
			if !open {
				return nil // the host is closed
			}
		}
	}
}

// follower reads the logs of several instances.
type follower struct {
	runtime *Runtime
	query   Query
	each    func(Line) error
	watch   *folderWatch // nil: does not follow
	cursors map[string]*cursor
}

// cursor is how far the log of an instance was read.
type cursor struct {
	log     *logFile
	offset  int64
	partial []byte // of a line whose end is not written yet
}

// read reads what is new. lines is as in Query, for instances not seen before.
func (f *follower) read(ctx context.Context, lines int) error {
	for _, i := range f.runtime.host.logged(f.runtime.scope) {
		rec := i.record()
		if rec.StartedAt.IsZero() || !f.query.matches(rec) {
			continue // before its first start an instance has no log, and no folder to watch
		}
		c := f.cursors[rec.ID]
		if c == nil {
			// Watched before it is read, so that nothing is missed in between.
			if f.watch != nil {
				if err := f.watch.add(i.dir); err != nil {
					return err
				}
			}
			c = &cursor{log: i.log}
			switch {
			case lines > 0:
				c.offset = i.log.tail(lines)
			case lines < 0:
				c.offset = i.log.end()
			}
			f.cursors[rec.ID] = c
		}
		last := f.watch == nil || rec.Phase == ended
		if err := f.advance(ctx, c, Line{Instance: rec.ID, Service: rec.Service, Release: rec.Release}, last); err != nil {
			return err
		}
	}
	return nil
}

// advance reads a log to its end. last says that an unfinished line is one.
func (f *follower) advance(ctx context.Context, c *cursor, line Line, last bool) error {
	for buffer := make([]byte, 32<<10); ; {
		if err := ctx.Err(); err != nil {
			return err //nolint:wrapcheck // the caller's own
		}
		n, at, err := c.log.readAt(buffer, c.offset)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading the log of %s: %w", line.Instance, err)
		}
		if at != c.offset { // what comes between is not kept any more
			c.partial = nil
		}
		c.offset = at + int64(n)
		c.partial = append(c.partial, buffer[:n]...)
		if err := f.split(c, line); err != nil {
			return err
		}
	}
	if last && len(c.partial) > 0 {
		line.Text, c.partial = string(c.partial), nil
		return f.each(line)
	}
	return nil
}

// split passes on the whole lines of what was read.
func (f *follower) split(c *cursor, line Line) error {
	rest := c.partial
	for {
		end := bytes.IndexByte(rest, '\n')
		skip := 1
		if end < 0 || end > lineLimit {
			if len(rest) < lineLimit {
				break
			}
			end, skip = lineLimit, 0
		}
		line.Text = strings.TrimSuffix(string(rest[:end]), "\r")
		rest = rest[end+skip:]
		if err := f.each(line); err != nil {
			return err
		}
	}
	c.partial = append(c.partial[:0], rest...)
	return nil
}

// logged lists the instances of a scope that have logs, those that ended too,
// the oldest first.
func (h *Host) logged(s scope) []*instance {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []*instance
	for _, set := range []map[string]*instance{h.ended, h.instances} {
		for _, i := range set {
			if i.record().scope() == s {
				all = append(all, i)
			}
		}
	}
	slices.SortFunc(all, oldestFirst)
	return all
}
