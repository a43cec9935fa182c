package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/sqlite"
	"github.com/google/go-cmp/cmp"
)

var (
	_ engine.Store = (*sqlite.Store)(nil)
	_ audit.Source = (*sqlite.Store)(nil)
)

var epoch = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// auditKey loads or creates the key beside the store in dir.
func auditKey(dir string) (*audit.Log, error) {
	key, err := audit.LoadOrCreateKey(filepath.Join(dir, "audit"), "shop.example.org/davit")
	if err != nil {
		return nil, err
	}
	return audit.New(key), nil
}

// openIn opens the store in dir as a server does.
func openIn(ctx context.Context, dir string) (*sqlite.Store, error) {
	log, err := auditKey(dir)
	if err != nil {
		return nil, err
	}
	return sqlite.Open(ctx, filepath.Join(dir, "davit.db"), sqlite.Options{Audit: log})
}

// openLarge is openIn for a store that counts as a large one.
func openLarge(ctx context.Context, dir string) (*sqlite.Store, error) {
	log, err := auditKey(dir)
	if err != nil {
		return nil, err
	}
	return sqlite.Open(ctx, filepath.Join(dir, "davit.db"), sqlite.Options{Audit: log, Whole: 1})
}

func mustOpen(t testing.TB, dir string) *sqlite.Store {
	t.Helper()
	s, err := openIn(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func mustCommit(t testing.TB, s *sqlite.Store, change *davit.Change) {
	t.Helper()
	if err := s.Commit(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

// step is the change that takes rollout r1 to a revision: its record, one event
// and one audit entry, so that all three can be held against each other.
func step(revision int64) *davit.Change {
	at := epoch.Add(time.Duration(revision) * time.Second)
	return &davit.Change{
		Rollouts: []*davit.Rollout{{ID: "r1", Application: "shop", Environment: "staging", Kind: davit.KindDeploy,
			Phase: davit.Running, CreatedAt: epoch, StageAt: at, Revision: revision,
			Cause: fmt.Sprintf("revision %d, %0*d", revision, 100+int(revision*371%9000), 0)}}, // spills over pages at times
		Events: []davit.Event{{At: at, Rollout: "r1", Application: "shop", Environment: "staging", Kind: davit.EventStage, Message: "…"}},
		Audit: []davit.AuditEntry{{At: at, Actor: "davit", Action: "rollout.step", Application: "shop", Environment: "staging",
			Rollout: "r1", Reason: fmt.Sprint(revision)}},
	}
}

// agree checks that state, journal and audit log say the same and that the log
// is sound, and returns the number of steps.
func agree(ctx context.Context, dir string, s *sqlite.Store, older ...[]byte) (int64, error) {
	var revision int64
	rollout, err := s.Rollout(ctx, "r1")
	switch {
	case err == nil:
		revision = rollout.Revision
	case davit.ErrorCode(err) != davit.CodeNotFound:
		return 0, err
	}
	events, err := s.Events(ctx, "r1", 0, int(revision)+10)
	if err != nil {
		return 0, err
	}
	log, err := auditKey(dir)
	if err != nil {
		return 0, err
	}
	report, err := audit.VerifyStore(ctx, s, log.VerifierKey(), older...)
	if err != nil {
		return 0, err
	}
	if int64(len(events)) != revision || report.Size != revision {
		return 0, fmt.Errorf("the rollout has revision %d, its journal %d events, the audit log %d entries", revision, len(events), report.Size)
	}
	for i, e := range events {
		if e.Seq != int64(i)+1 {
			return 0, fmt.Errorf("event %d has number %d", i, e.Seq)
		}
	}
	return revision, nil
}

func TestOpenCreates(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "davit.db")
	if err := os.WriteFile(path+".new", []byte("what a creation that died has left"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir)
	mustCommit(t, s, step(1))
	for _, suffix := range []string{"", "-wal", "-shm", ".lock", ".mark"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("davit.db%s has mode %#o, want 0600", suffix, info.Mode().Perm())
		}
	}
	if _, err := os.Stat(path + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the draft is left: %v", err)
	}
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	config := davit.ReleaseConfig{Services: map[string]davit.Service{"web": {Replicas: 2}}}
	v1, err := davit.NewRelease("shop", "staging", "v1", map[string]string{"web": "sha256:01"}, config, epoch)
	if err != nil {
		t.Fatal(err)
	}
	other, err := davit.NewRelease("shop", "staging", "v1", map[string]string{"web": "sha256:02"}, config, epoch)
	if err != nil {
		t.Fatal(err)
	}
	change := step(1)
	change.Releases = []*davit.Release{v1, other}
	change.Environments = []*davit.Environment{
		{Application: "shop", Name: "staging", Platform: "process", State: davit.State{Split: davit.All(v1.ID)}, Stable: v1.ID, Revision: 1},
		{Application: "blog", Name: "staging", Platform: "process", Revision: 1},
	}
	mustCommit(t, s, change)
	if change.Events[0].Seq != 1 || change.Audit[0].Index != 0 {
		t.Errorf("event %d and audit entry %d, want 1 and 0", change.Events[0].Seq, change.Audit[0].Index)
	}
	ended := step(1)
	ended.Rollouts[0].ID, ended.Rollouts[0].Phase, ended.Events[0].Rollout = "r2", davit.Promoted, "r2"
	ended.Audit[0].Rollout, ended.Audit[0].Environment = "r2", "production"
	mustCommit(t, s, ended)

	ctx := t.Context()
	check := func(name string, got any, err error, want any) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	environment, err := s.Environment(ctx, "shop", "staging")
	check("Environment", environment, err, change.Environments[0])
	environments, err := s.Environments(ctx)
	check("Environments", environments, err, []*davit.Environment{change.Environments[1], change.Environments[0]})
	release, err := s.Release(ctx, v1.ID)
	check("Release", release, err, v1)
	releases, err := s.ReleasesByVersion(ctx, "shop", "staging", "v1")
	check("ReleasesByVersion", releases, err, []*davit.Release{other, v1})
	rollout, err := s.Rollout(ctx, "r1")
	check("Rollout", rollout, err, change.Rollouts[0])
	rollouts, err := s.Rollouts(ctx, "shop", "staging", 10)
	check("Rollouts", rollouts, err, []*davit.Rollout{ended.Rollouts[0], change.Rollouts[0]})
	rollouts, err = s.Rollouts(ctx, "shop", "staging", 1)
	check("Rollouts, one", rollouts, err, ended.Rollouts)
	rollouts, err = s.Open(ctx)
	check("Open", rollouts, err, change.Rollouts)
	events, err := s.Events(ctx, "", 0, 10)
	check("Events", events, err, []davit.Event{change.Events[0], ended.Events[0]})
	events, err = s.Events(ctx, "r2", 0, 10)
	check("Events of r2", events, err, ended.Events)
	events, err = s.Events(ctx, "", 1, 10)
	check("Events after 1", events, err, ended.Events)
	for name, test := range map[string]struct {
		filter davit.AuditFilter
		want   []davit.AuditEntry
	}{
		"all":         {davit.AuditFilter{}, []davit.AuditEntry{change.Audit[0], ended.Audit[0]}},
		"one":         {davit.AuditFilter{Limit: 1}, change.Audit},
		"from 1":      {davit.AuditFilter{From: 1}, ended.Audit},
		"rollout":     {davit.AuditFilter{Rollout: "r2"}, ended.Audit},
		"environment": {davit.AuditFilter{Application: "shop", Environment: "staging"}, change.Audit},
		"nobody's":    {davit.AuditFilter{Application: "blog"}, nil},
	} {
		entries, err := s.Audit(ctx, test.filter)
		check("Audit, "+name, entries, err, test.want)
	}
	for name, err := range map[string]error{
		"environment": second(s.Environment(ctx, "shop", "moon")), "release": second(s.Release(ctx, "v9-0")), "rollout": second(s.Rollout(ctx, "r9")),
	} {
		if davit.ErrorCode(err) != davit.CodeNotFound {
			t.Errorf("an unknown %s: %v, want it not found", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestCommitRefuses shows that a change which is refused for one record leaves
// nothing of the others.
func TestCommitRefuses(t *testing.T) {
	environment := func(revision int64) *davit.Environment {
		return &davit.Environment{Application: "shop", Name: "staging", Revision: revision}
	}
	release := func(version, hash string) *davit.Release {
		return &davit.Release{ID: "v1-0", Application: "shop", Environment: "staging", Version: version, ConfigHash: hash, CreatedAt: epoch}
	}
	base := step(1)
	base.Environments, base.Releases = []*davit.Environment{environment(1)}, []*davit.Release{release("v1", "00")}
	again := release("v1", "00")
	again.CreatedAt = epoch.Add(time.Hour)

	for name, test := range map[string]struct {
		change func(next *davit.Change)
		stale  bool
		code   davit.Code
	}{
		"rollout behind":            {func(c *davit.Change) { c.Rollouts[0].Revision = 1 }, true, ""},
		"rollout ahead":             {func(c *davit.Change) { c.Rollouts[0].Revision = 3 }, true, ""},
		"unknown rollout":           {func(c *davit.Change) { c.Rollouts[0].ID = "r9" }, true, ""},
		"environment behind":        {func(c *davit.Change) { c.Environments = []*davit.Environment{environment(1)} }, true, ""},
		"environment ahead":         {func(c *davit.Change) { c.Environments = []*davit.Environment{environment(3)} }, true, ""},
		"another release":           {func(c *davit.Change) { c.Releases = []*davit.Release{release("v1", "11")} }, false, davit.CodeConflict},
		"an entry that is too long": {func(c *davit.Change) { c.Audit[0].Reason = string(make([]byte, audit.MaxLeaf)) }, false, davit.CodeInvalid},
		"next":                      {func(*davit.Change) {}, false, ""},
		"the same release":          {func(c *davit.Change) { c.Releases = []*davit.Release{again} }, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir)
			mustCommit(t, s, base)
			next := step(2)
			next.Releases = []*davit.Release{{ID: "v2-0", Application: "shop", Environment: "staging", Version: "v2"}}
			if test.change(next); test.code == "" && !test.stale {
				mustCommit(t, s, next)
				kept, err := s.Release(t.Context(), "v1-0")
				if err != nil || !kept.CreatedAt.Equal(epoch) {
					t.Errorf("the release is now %+v (%v), want it as it was", kept, err)
				}
				return
			}
			err := s.Commit(t.Context(), next)
			if errors.Is(err, davit.ErrStale) != test.stale || !test.stale && davit.ErrorCode(err) != test.code {
				t.Fatalf("committing: %v, want stale %t, code %q", err, test.stale, test.code)
			}
			if next.Events[0].Seq != 0 || next.Audit[0].Index != 0 {
				t.Errorf("the refused change has event %d and audit entry %d", next.Events[0].Seq, next.Audit[0].Index)
			}
			if _, err := s.Release(t.Context(), "v2-0"); davit.ErrorCode(err) != davit.CodeNotFound {
				t.Errorf("a release of the refused change: %v, want none", err)
			}
			if steps, err := agree(t.Context(), dir, s); err != nil || steps != 1 {
				t.Errorf("%d steps (%v), want 1", steps, err)
			}
			mustCommit(t, s, step(2))
		})
	}
}

func TestCommitWithoutAuditLog(t *testing.T) {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "davit.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.Commit(t.Context(), step(1)); err == nil {
		t.Error("a change was committed without its audit entry")
	}
	if _, err := s.Rollout(t.Context(), "r1"); davit.ErrorCode(err) != davit.CodeNotFound {
		t.Errorf("the rollout: %v, want none", err)
	}
}
