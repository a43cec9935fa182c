package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/sqlite"
)

// restoreTo restores the backup into dir with dir's audit key, checking the log.
func restoreTo(t *testing.T, dir string, backup []byte) (kept string, err error) {
	t.Helper()
	from := filepath.Join(t.TempDir(), "backup")
	if err := os.WriteFile(from, backup, 0o644); err != nil {
		t.Fatal(err)
	}
	log, err := auditKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	return sqlite.Restore(t.Context(), filepath.Join(dir, "davit.db"), from, sqlite.Options{Audit: log},
		func(ctx context.Context, s *sqlite.Store) error {
			_, err := agree(ctx, dir, s)
			return err
		})
}

// withKey returns a directory with the audit key of another and nothing else.
func withKey(t *testing.T, dir string) string {
	t.Helper()
	return lay(t, nil, dir)
}

func backupOf(t *testing.T, s *sqlite.Store) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := s.Backup(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// onlyStore checks that nothing lies in dir but a store and its key.
func onlyStore(t *testing.T, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		switch strings.TrimPrefix(file.Name(), "davit.db") {
		case "audit", "audit.pub", "", "-wal", "-shm", ".mark", ".lock":
		default:
			t.Errorf("%s was left behind", file.Name())
		}
	}
}

// TestBackupInAStorm makes backups while drivers commit as fast as they can. Each
// is restored, and holds every commit that was acknowledged before it began.
func TestBackupInAStorm(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	mustCommit(t, s, step(1))
	var acknowledged atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var storm sync.WaitGroup
	storm.Go(func() {
		for revision := int64(2); ctx.Err() == nil; revision++ {
			if err := s.Commit(t.Context(), step(revision)); err != nil {
				t.Error(err)
				return
			}
			acknowledged.Store(revision)
		}
	})
	for range 8 {
		before := acknowledged.Load()
		backup := backupOf(t, s)
		after := acknowledged.Load()
		restored := withKey(t, dir)
		if kept, err := restoreTo(t, restored, backup); err != nil || kept != "" {
			t.Fatalf("restoring: kept %q, %v", kept, err)
		}
		steps, err := agree(t.Context(), restored, mustOpen(t, restored))
		if err != nil || steps < before || steps > after+1 {
			t.Errorf("restored %d steps (%v), want %d to %d", steps, err, before, after+1)
		}
		onlyStore(t, restored)
	}
	cancel()
	storm.Wait()
	onlyStore(t, dir)
}

// TestRestoreReplaces restores over a store that a killed server has left, keeps
// that, and goes on from the backup.
func TestRestoreReplaces(t *testing.T) {
	dir := t.TempDir()
	first := killed(t, dir, 5)
	s, err := openIn(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	backup := backupOf(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	last := killed(t, dir, 40)

	kept, err := restoreTo(t, dir, backup)
	if err != nil || kept != filepath.Join(dir, "davit.db.replaced-1") {
		t.Fatalf("kept %q, %v", kept, err)
	}
	s = mustOpen(t, dir)
	steps, err := agree(t.Context(), dir, s)
	if err != nil || steps < first || steps > first+1 {
		t.Errorf("restored %d steps (%v), want the %d of the backup", steps, err, first)
	}
	mustCommit(t, s, step(steps+1))

	old := withKey(t, dir)
	for _, part := range []string{"", "-wal"} {
		if err := os.Rename(kept+part, filepath.Join(old, "davit.db"+part)); err != nil {
			t.Fatal(err)
		}
	}
	if steps, err := agree(t.Context(), old, mustOpen(t, old)); err != nil || steps < last {
		t.Errorf("the store that was replaced has %d steps (%v), want %d", steps, err, last)
	}
}

func TestRestoreRefuses(t *testing.T) {
	source := t.TempDir()
	s := mustOpen(t, source)
	for i := range int64(30) {
		mustCommit(t, s, step(i+1))
	}
	backup := backupOf(t, s)
	torn := bytes.Clone(backup)
	clear(torn[8192:12288])

	for name, test := range map[string]struct {
		backup []byte
		code   davit.Code
		says   string
	}{
		"a backup cut short": {backup[:len(backup)/2], davit.CodeRefused, "is damaged"},
		"an empty file":      {nil, davit.CodeRefused, "it is empty"},
		"a torn page":        {torn, davit.CodeRefused, "is damaged"},
		"no store":           {bytes.Repeat([]byte("x"), 5000), davit.CodeRefused, "is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := closed(t, 3)
			before := content(t, dir)
			_, err := restoreTo(t, dir, test.backup)
			refused(t, err, test.code, test.says)
			for suffix, data := range content(t, dir) {
				if !bytes.Equal(before[suffix], data) {
					t.Errorf("davit.db%s was changed", suffix)
				}
			}
			onlyStore(t, dir)
		})
	}
	t.Run("into a store in use", func(t *testing.T) {
		_, err := restoreTo(t, source, backup)
		refused(t, err, davit.CodeConflict, "is in use")
		mustCommit(t, s, step(31))
	})
	t.Run("from a store in use", func(t *testing.T) {
		dir := closed(t, 1)
		log, err := auditKey(dir)
		if err != nil {
			t.Fatal(err)
		}
		_, err = sqlite.Restore(t.Context(), filepath.Join(dir, "davit.db"), filepath.Join(source, "davit.db"), sqlite.Options{Audit: log}, nil)
		refused(t, err, davit.CodeRefused, "is no backup")
	})
	t.Run("by who prepares it", func(t *testing.T) {
		dir := closed(t, 2) // with a key of its own, which has not sealed the backup
		before := content(t, dir)
		_, err := restoreTo(t, dir, backup)
		if _, ok := errors.AsType[*audit.Fault](err); !ok {
			t.Errorf("got %v, want that the log is not this key's", err)
		}
		for suffix, data := range content(t, dir) {
			if !bytes.Equal(before[suffix], data) {
				t.Errorf("davit.db%s was changed", suffix)
			}
		}
		onlyStore(t, dir)
	})
}

// gate lets its first write wait.
type gate struct {
	begun, open chan struct{}
	once        sync.Once
}

func (g *gate) Write(p []byte) (int, error) {
	g.once.Do(func() { close(g.begun) })
	<-g.open
	return len(p), nil
}

// TestBackupToOneWhoDoesNotRead goes on committing, and refuses a second backup.
func TestBackupToOneWhoDoesNotRead(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	mustCommit(t, s, step(1))
	g := &gate{begun: make(chan struct{}), open: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- s.Backup(t.Context(), g) }()
	<-g.begun
	refused(t, s.Backup(t.Context(), io.Discard), davit.CodeConflict, "another backup")
	mustCommit(t, s, step(2))
	close(g.open)
	if err := <-done; err != nil {
		t.Error(err)
	}
	onlyStore(t, dir)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Backup(cancelled, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("a backup that was given up: %v", err)
	}
	onlyStore(t, dir)
}

// TestOpenTidies removes what a backup has left whose server died.
func TestOpenTidies(t *testing.T) {
	dir := closed(t, 1)
	if err := os.WriteFile(filepath.Join(dir, "davit.db.backup-123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, dir)
	onlyStore(t, dir)
}
