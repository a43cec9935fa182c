package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/sqlite"
)

// meetTheEnd works with a store in dir where room runs out, then makes room and
// goes on. Wherever the end is met, the refusal is clear and nothing is lost.
func meetTheEnd(ctx context.Context, dir string, makeRoom func() error) error {
	var steps int64
	s, err := openIn(ctx, dir)
	opened := err == nil
	if opened {
		steps, err = untilFull(ctx, dir, s)
	} else if davit.ErrorCode(err) == davit.CodeUnavailable {
		err = nil
	}
	if err != nil {
		return err
	}
	if err := makeRoom(); err != nil {
		return err
	}
	if !opened {
		if s, err = openIn(ctx, dir); err != nil {
			return fmt.Errorf("with room again: %w", err)
		}
	}
	for range 5 {
		steps++
		if err := s.Commit(ctx, step(steps)); err != nil {
			return fmt.Errorf("with room again: %w", err)
		}
	}
	if err := s.Close(); err != nil {
		return err
	}
	if s, err = openIn(ctx, dir); err != nil {
		return err
	}
	if got, err := agree(ctx, dir, s); err != nil || got != steps {
		return fmt.Errorf("opened again there are %d steps (%w), want %d", got, err, steps)
	}
	return s.Close()
}

// untilFull commits steps until one is refused, and checks that it is refused
// as it should be and that nothing of it is there.
func untilFull(ctx context.Context, dir string, s *sqlite.Store) (done int64, err error) {
	for {
		if err = s.Commit(ctx, step(done+1)); err != nil {
			break
		}
		done++
	}
	if e, ok := errors.AsType[*davit.Error](err); !ok || e.Code != davit.CodeUnavailable || e.Hint == "" || e.Err == nil {
		return 0, fmt.Errorf("after %d steps: %w, want it unavailable with a cause and a hint", done, err)
	}
	// Still without room: all is readable, and refused again.
	if got, err := agree(ctx, dir, s); err != nil || got != done {
		return 0, fmt.Errorf("without room there are %d steps (%w), want %d", got, err, done)
	}
	if err := s.Commit(ctx, step(done+1)); davit.ErrorCode(err) != davit.CodeUnavailable {
		return 0, fmt.Errorf("without room, again: %w, want it unavailable", err)
	}
	return done, nil
}

// TestFullFile meets a limit on the size of files, which every user may set, in
// a process of its own.
func TestFullFile(t *testing.T) {
	for limit := 4096; limit < 400_000; limit += 60_000 {
		command := exec.CommandContext(t.Context(), os.Args[0])
		command.Env = append(os.Environ(), exhaustIn+"="+t.TempDir(), limitTo+"="+strconv.Itoa(limit))
		if output, err := command.CombinedOutput(); err != nil {
			t.Errorf("at %d bytes: %v: %s", limit, err, output)
		}
	}
}

// exhaust is the process of TestFullFile.
func exhaust(dir, limit string) error {
	bytes, err := strconv.ParseUint(limit, 10, 63)
	if err != nil {
		return err
	}
	if _, err := auditKey(dir); err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ) // the limit's signal; the writer gets an error all the same
	var free syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &free); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: free.Max}); err != nil {
		return err
	}
	return meetTheEnd(context.Background(), dir, func() error { return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &free) })
}
