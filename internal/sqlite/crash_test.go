package sqlite_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
)

// The environment variables that make the test binary a server of its own.
const (
	commitIn  = "SQLITE_TEST_COMMIT_IN"  // commits steps for ever
	exhaustIn = "SQLITE_TEST_EXHAUST_IN" // runs out of room
	limitTo   = "SQLITE_TEST_LIMIT_TO"   // the size of files then
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(commitIn); dir != "" {
		end(commitForever(dir))
	}
	if dir := os.Getenv(exhaustIn); dir != "" {
		end(exhaust(dir, os.Getenv(limitTo)))
	}
	os.Exit(m.Run())
}

func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// commitForever takes the store in dir from step to step and says each one that
// was acknowledged.
func commitForever(dir string) error {
	ctx := context.Background()
	s, err := openIn(ctx, dir)
	if err != nil {
		return err
	}
	done, err := agree(ctx, dir, s)
	for ; err == nil; done++ {
		if err = s.Commit(ctx, step(done+1)); err == nil {
			_, err = fmt.Println(done + 1)
		}
	}
	return err
}

// killed runs a process that commits to the store in dir, kills it after acks
// acknowledged steps, and returns the last step that was acknowledged.
func killed(t *testing.T, dir string, acks int) int64 {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), commitIn+"="+dir)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(stdout)
	var last int64
	for n := 0; n < acks && said.Scan(); n++ {
		if last, err = strconv.ParseInt(said.Text(), 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for said.Scan() { // what it said before it died counts too
		if step, err := strconv.ParseInt(said.Text(), 10, 64); err == nil {
			last = step
		}
	}
	if err := command.Wait(); err == nil || last == 0 {
		t.Fatalf("the process: %v, %d steps: %s", err, last, stderr.String())
	}
	return last
}

// TestKill kills a committing server again and again on the same store.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	var older [][]byte
	for round := range 30 {
		acknowledged := killed(t, dir, 1+round*7%23)
		s, err := openIn(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		steps, err := agree(t.Context(), dir, s, older...)
		// The step that was under way may be there, unacknowledged.
		if err != nil || steps < acknowledged || steps > acknowledged+1 {
			t.Errorf("round %d: %d steps (%v), want the %d acknowledged", round, steps, err, acknowledged)
		}
		checkpoint, err := s.AuditCheckpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		older = append(older, checkpoint)
		if round%2 == 0 { // otherwise the next process finds it as one that was killed
			mustCommit(t, s, step(steps+1))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// crashed returns what a killed server has left: a store with a write-ahead log.
func crashed(t *testing.T) (dir string, left map[string][]byte, steps int64) {
	t.Helper()
	dir = t.TempDir()
	steps = killed(t, dir, 130)
	left = content(t, dir)
	if len(left[""]) == 0 || len(left["-wal"]) < 100_000 {
		t.Fatalf("the killed process left %d bytes and %d of write-ahead log", len(left[""]), len(left["-wal"]))
	}
	return dir, left, steps
}

// TestTruncatedAfterCrash cuts what a killed server has left, file by file, at
// many lengths: it is refused and left alone, or all that was acknowledged is
// there.
func TestTruncatedAfterCrash(t *testing.T) {
	dir, left, steps := crashed(t)
	for _, suffix := range []string{"-wal", ""} {
		refused, whole := 0, 0
		for length := range cuts(len(left[suffix])) {
			files := map[string][]byte{"": left[""], "-wal": left["-wal"], ".mark": left[".mark"]}
			files[suffix] = left[suffix][:length]
			if refusedOrWhole(t, files, dir, steps, fmt.Sprintf("davit.db%s cut to %d bytes", suffix, length)) {
				whole++
			} else {
				refused++
			}
		}
		t.Logf("davit.db%s: refused %d times, whole %d times", suffix, refused, whole)
		if refused == 0 {
			t.Errorf("no cut of davit.db%s was refused", suffix)
		}
	}
}

// TestMarkLost shows what remains without the mark: SQLite goes back to the last
// commit that the write-ahead log still holds. State, journal and audit log
// agree there, and only an older checkpoint tells.
func TestMarkLost(t *testing.T) {
	dir, left, steps := crashed(t)
	whole := mustOpen(t, lay(t, left, dir))
	checkpoint, err := whole.AuditCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	back := false
	for length := range cuts(len(left["-wal"])) {
		cut := lay(t, map[string][]byte{"": left[""], "-wal": left["-wal"][:length]}, dir)
		s := mustOpen(t, cut)
		got, err := agree(t.Context(), cut, s)
		if err != nil {
			t.Fatalf("write-ahead log cut to %d bytes: %v", length, err)
		}
		if got >= steps {
			continue
		}
		back = true
		_, err = agree(t.Context(), cut, s, checkpoint)
		if f, ok := errors.AsType[*audit.Fault](err); !ok || f.Kind != audit.RolledBack || f.Entry != got {
			t.Errorf("write-ahead log cut to %d bytes: %v, want the roll back to %d entries found", length, err, got)
		}
	}
	if !back {
		t.Error("no cut lost a commit")
	}
}

// cuts yields lengths below size: spread over it, and around its end.
func cuts(size int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for length := 0; length < size; length += 1 + size/60 {
			if !yield(length) {
				return
			}
		}
		for _, less := range []int{30_000, 4096, 4095, 24, 1} {
			if less < size && !yield(size-less) {
				return
			}
		}
	}
}

// TestSecondProcess meets the lock of another process, and no lock of one that
// was killed.
func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), commitIn+"="+dir)
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(stdout)
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	drained := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, in)
		drained <- err
	}()
	s, err := openIn(t.Context(), dir)
	if err == nil {
		t.Error(errors.Join(errors.New("the store was opened twice"), s.Close()))
	} else {
		refused(t, err, davit.CodeConflict, fmt.Sprintf("in use by another server (pid %d)", command.Process.Pid))
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if err := command.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the process: %v", err)
	}
	if steps, err := agree(t.Context(), dir, mustOpen(t, dir)); err != nil || steps == 0 {
		t.Errorf("%d steps (%v)", steps, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "davit.db.lock")); err != nil {
		t.Error(err)
	}
}
