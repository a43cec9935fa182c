package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag/book"
	"github.com/davit-dev/davit/internal/redis"
)

// copied is a copy as a follower fills it.
type copied struct{ *book.Copy }

func (c copied) Take(e davit.FlagEdition, at time.Time) error {
	_, err := c.Copy.Take(e, at)
	return err
}

// spread measures the time from a call that changes a flag until another server,
// that follows through Redis, evaluates by the change.
func spread(ctx context.Context, b *book.Book, dir string, changes int) (err error) {
	address, end, err := startRedis(ctx, dir)
	if err != nil {
		return err
	}
	defer end()
	ctx, cancel := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	defer func() {
		cancel()
		err = errors.Join(err, group.Wait())
	}()
	c := copied{book.NewCopy(time.Now, time.Minute)}
	nothing, told := func() {}, func(err error) { fmt.Fprintln(os.Stderr, "flags:", err) }
	for _, run := range []func(*redis.Redis) error{
		func(r *redis.Redis) error {
			p := redis.Publisher{Redis: r, Flags: b, Every: 3 * time.Second, Now: time.Now, Failed: told, Recovered: nothing}
			return p.Run(ctx)
		},
		func(r *redis.Redis) error {
			f := redis.Follower{Redis: r, Copy: c, Only: func(string, string) bool { return true }, Every: 3 * time.Second, Now: time.Now, Failed: told, Recovered: nothing}
			return f.Run(ctx)
		},
	} {
		r, err := redis.Open(address, redis.Prefix)
		if err != nil {
			return err
		}
		defer r.Close() //nolint:errcheck // nothing is lost
		group.Go(func() error { return run(r) })
	}
	var whole, after []time.Duration // from the call, and from when it returned
	for i := range changes + 1 {
		begin := time.Now()
		if err := change(ctx, b, "flag-0", float64(i%100)); err != nil {
			return err
		}
		stored := time.Now()
		if err := await(ctx, c, b.View(application, environment).Sequence); err != nil {
			return err
		}
		if i > 0 { // the first waits for the connections
			whole, after = append(whole, time.Since(begin)), append(after, time.Since(stored))
		}
	}
	fmt.Printf("change to visible on a second server through Redis, %d flags, %d changes\n", c.View(application, environment).Len(), changes)
	fmt.Println("  from the call to change it:", quantiles(whole))
	fmt.Println("  from when it was stored:   ", quantiles(after))
	return nil
}

// quantiles tells the median, the 99th percentile and the most of some times.
func quantiles(times []time.Duration) string {
	slices.Sort(times)
	at := func(percent int) time.Duration {
		return times[(len(times)*percent+99)/100-1].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("median %s, p99 %s, most %s", at(50), at(99), at(100))
}

// await waits until a copy has a revision.
func await(ctx context.Context, c copied, revision int64) error {
	for {
		replaced := c.Replaced()
		if c.View(application, environment).Sequence >= revision {
			return nil
		}
		select {
		case <-replaced:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// startRedis starts a Redis on a free port and waits until it listens.
func startRedis(ctx context.Context, dir string) (address string, end func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	host := l.Addr().String()
	_, port, err := net.SplitHostPort(host)
	if err = errors.Join(err, l.Close()); err != nil {
		return "", nil, err
	}
	process := exec.CommandContext(ctx, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", dir)
	if err := process.Start(); err != nil {
		return "", nil, err
	}
	end = func() {
		_ = process.Process.Kill() // it may have ended
		_ = process.Wait()         // it was killed
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", host)
		if err == nil {
			return "redis://" + host, end, conn.Close()
		}
		if time.Now().After(deadline) {
			end()
			return "", nil, err
		}
		<-time.After(10 * time.Millisecond)
	}
}
