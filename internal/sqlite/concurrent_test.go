package sqlite_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
)

// TestReadersDuringCommits reads on all sides while two drivers commit, one of
// them often cancelled, and finds every view whole.
func TestReadersDuringCommits(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	const steps = 60
	var drivers, readers sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		drivers.Go(func() {
			for ctx := t.Context(); ; {
				var revision int64
				if r, err := s.Rollout(ctx, "r1"); err == nil {
					revision = r.Revision
				}
				if revision >= steps {
					return
				}
				cancelled, cancel := context.WithTimeout(ctx, time.Duration(revision%7)*time.Millisecond)
				if revision%2 == 0 {
					cancelled = ctx
				}
				err := s.Commit(cancelled, step(revision+1))
				cancel()
				if err != nil && !errors.Is(err, davit.ErrStale) && cancelled == ctx {
					t.Error(err)
					return
				}
				if err != nil && cancelled != ctx { // too slow for its time: as it must go on, without
					if err := s.Commit(ctx, step(revision+1)); err != nil && !errors.Is(err, davit.ErrStale) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	for range 3 {
		readers.Go(func() {
			log, err := auditKey(dir)
			if err != nil {
				t.Error(err)
				return
			}
			var checkpoint []byte
			for {
				var older [][]byte
				if checkpoint != nil {
					older = append(older, checkpoint)
				}
				report, err := audit.VerifyStore(t.Context(), s, log.VerifierKey(), older...)
				if err != nil {
					t.Error(err)
					return
				}
				if report.Checkpoint != "" {
					checkpoint = []byte(report.Checkpoint)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	drivers.Wait()
	close(done)
	readers.Wait()
	if got, err := agree(t.Context(), dir, s); err != nil || got != steps {
		t.Errorf("%d steps (%v), want %d", got, err, steps)
	}
}
