package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag/book"
	"github.com/davit-dev/davit/internal/flag/ofrep"
)

// listen measures how many listeners of events hear of the last of many changes,
// how long that takes, and the memory that server and listeners, in one process,
// hold after the first change and after the last.
func listen(ctx context.Context, b *book.Book, listeners, changes int) (err error) {
	_, key, err := b.CreateKey(ctx, "bench", davit.AccessKey{Application: application, Environment: environment, Kind: davit.AccessServer, Name: "bench"}, 0)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &http.Server{Handler: ofrep.New(b), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }() // until it is closed
	defer func() { err = errors.Join(err, s.Close()) }()
	var heard atomic.Int64 // events
	var newest, converged atomic.Int64
	newest.Store(-1)
	group, ctx := errgroup.WithContext(ctx)
	all := make(chan struct{}, listeners)
	for range listeners {
		group.Go(func() error {
			return follow(ctx, l.Addr().String(), key, func() { all <- struct{}{} }, func(revision int64) bool {
				heard.Add(1)
				if revision != newest.Load() {
					return false
				}
				converged.Add(1)
				return true
			})
		})
	}
	for range listeners {
		select {
		case <-all:
		case <-ctx.Done():
			return group.Wait()
		}
	}
	var first uint64
	for i := range changes {
		if i == changes-1 {
			newest.Store(b.View(application, environment).Sequence + 1)
		}
		if err := change(ctx, b, "flag-1", float64(i%100)+0.5); err != nil {
			return err
		}
		if i == 0 {
			first = memory()
		}
	}
	last, begin := memory(), time.Now()
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Printf("%d listeners during %d changes: %d heard of the last, %s after it; %d events; memory %.1f MiB after the first change, %.1f MiB after the last\n",
		listeners, changes, converged.Load(), time.Since(begin).Round(time.Millisecond), heard.Load(), float64(first)/(1<<20), float64(last)/(1<<20))
	return nil
}

// memory returns the bytes in use.
func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// follow listens to events until one is the last. It calls ready when it listens.
func follow(ctx context.Context, address, key string, ready func(), last func(revision int64) bool) error {
	dialer := net.Dialer{}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // all was read
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: davit\r\nAuthorization: Bearer %s\r\n\r\n", ofrep.EventsPath, key); err != nil {
		return err
	}
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		text, isID := strings.CutPrefix(lines.Text(), "id: ")
		switch {
		case isID:
			revision, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return err
			}
			if last(revision) {
				return nil
			}
		case strings.HasPrefix(lines.Text(), "retry:"):
			ready()
		}
	}
	return errors.Join(errors.New("the stream ended"), lines.Err())
}
