package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/davit-dev/davit"
)

// serveHere runs a server on the state directory of the environment until the
// test ends.
func serveHere(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	log, ended := newWaiter(`"serving"`), make(chan int, 1)
	go func() { ended <- run(ctx, []string{"serve"}, nil, log, log) }()
	log.wait(t, ended)
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != exitOK {
			t.Errorf("serve: exit code %d\n%s", code, log)
		}
	})
}

func releaseEntries(t *testing.T, args ...string) (entries []davit.AuditEntry) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(mustRun(t, append([]string{"audit", "list", "--output", "json"}, args...)...)))
	for decoder.More() {
		var e davit.AuditEntry
		if err := decoder.Decode(&e); err != nil {
			t.Fatal(err)
		}
		if e.Action == releaseAction {
			entries = append(entries, e)
		}
	}
	return entries
}

func TestReleaseIsRecorded(t *testing.T) {
	releaseRepository(t)
	if err := os.WriteFile("davit.yaml", []byte("application: shop\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := runRelease(t)
	if code != exitOK || strings.Contains(out, "record") || !strings.Contains(errs, "no audit log has a record of this release, because no server runs here") {
		t.Fatalf("without a server: exit code %d, %s%s", code, out, errs)
	}
	t.Setenv("DAVIT_SERVER", "unix:"+filepath.Join(t.TempDir(), "gone.sock"))
	head := releaseGit(t, "rev-parse", "HEAD")
	releaseGit(t, "commit", "-q", "--allow-empty", "-m", "fix: y <&>")
	if code, _, errs := runRelease(t); code != exitUnavailable || !strings.Contains(errs, "no server") || releaseGit(t, "rev-parse", "HEAD^") != head {
		t.Errorf("with a server that is named and away: exit code %d, %s", code, errs)
	}
	t.Setenv("DAVIT_SERVER", "")
	serveHere(t)
	code, out, errs = runRelease(t)
	if code != exitOK || !strings.HasPrefix(out, "record   v0.1.0\n") || !strings.HasSuffix(out, "push     v0.1.1 to origin\nrecord   v0.1.1\nreleased v0.1.0\nreleased v0.1.1\n") || errs != "" {
		t.Fatalf("with a server: exit code %d, %s%s", code, out, errs)
	}
	if code, out, _ = runRelease(t); code != exitNothing {
		t.Errorf("again: exit code %d, %s", code, out)
	}
	entries := releaseEntries(t, "--release", "v0.1.1", "--application", "shop")
	if len(entries) != 1 || len(releaseEntries(t)) != 2 {
		t.Fatalf("entries %+v", entries)
	}
	e := entries[0]
	var after releaseEntry
	if err := json.Unmarshal(e.After, &after); err != nil {
		t.Fatal(err)
	}
	tree := "git-tree:" + releaseGit(t, "rev-parse", "v0.1.1^{tree}")
	if e.Application != "shop" || e.Release != "v0.1.1" || after.Digest != tree || after.Version != "0.1.1" || !strings.Contains(after.Notes, "### Fixed\n\n- y <&>") || !strings.HasSuffix(after.Repository, "remote.git") {
		t.Errorf("the entry is %+v of %+v", after, e)
	}
	if out := mustRun(t, "audit", "list"); !strings.Contains(out, releaseAction) || !strings.Contains(out, "v0.1.1") {
		t.Errorf("the list is\n%s", out)
	}
}

// TestReleaseIsRecordedLater releases without a server, and again with one.
func TestReleaseIsRecordedLater(t *testing.T) {
	releaseRepository(t)
	if code, out, errs := runRelease(t); code != exitOK {
		t.Fatalf("exit code %d, %s%s", code, out, errs)
	}
	serveHere(t)
	if code, out, errs := runRelease(t); code != exitOK || out != "record   v0.1.0\nreleased v0.1.0\n" {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	if code, _, _ := runRelease(t); code != exitNothing || len(releaseEntries(t)) != 1 {
		t.Errorf("a third run: exit code %d, entries %+v", code, releaseEntries(t))
	}
}

// terminal returns both ends of a terminal: the person's, and the program's.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	var number int
	raw, err := person.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

func TestDeployOffersTheLatestRelease(t *testing.T) {
	s := newSite(t, "{blueGreen: {}}")
	if r := runDavit(t, "deploy", "staging"); r.code != exitUsage || !strings.Contains(r.stderr, "no git repository") {
		t.Errorf("outside a repository: exit code %d, %s", r.code, r.stderr)
	}
	releaseGit(t, "init", "-q", "-b", "main")
	commit := func(tags ...string) {
		cmd := exec.Command("git", "-c", "user.name=Ada", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "x")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, name := range tags {
			releaseGit(t, "tag", name)
		}
	}
	if r := runDavit(t, "deploy", "staging"); r.code != exitUsage || !strings.Contains(r.stderr, "no tag of a release (v1.2.3)") {
		t.Errorf("before the first commit: exit code %d, %s", r.code, r.stderr)
	}
	commit("v1.9.0", "v1.10.0", "v2.0.0-beta.1", "api/v7.0.0", "v3")
	releaseGit(t, "checkout", "-q", "-b", "other")
	commit("v4.0.0")
	releaseGit(t, "checkout", "-q", "main")
	if r := runDavit(t, "deploy", "staging"); r.code != exitUsage || !strings.Contains(r.stderr, "the latest release is v1.10.0: davit deploy staging v1.10.0") {
		t.Errorf("without a terminal: exit code %d, %s", r.code, r.stderr)
	}
	for answer, want := range map[string]int{"\n": exitRefused, "no\n": exitRefused, "\x04": exitRefused, "Yes\n": exitOK} {
		person, program := terminal(t)
		if _, err := person.WriteString(answer); err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		go func() { // what the program prints has to be read
			var screen bytes.Buffer
			_, _ = screen.ReadFrom(person) // ends with the terminal
		}()
		code := run(t.Context(), []string{"deploy", "staging"}, program, program, &stderr)
		if code != want || !strings.Contains(stderr.String(), "The latest release is v1.10.0. Deploy it to staging? [y/N] ") {
			t.Errorf("the answer %q: exit code %d, want %d: %s", answer, code, want, &stderr)
		}
	}
	if got := s.get(t); got != "v1.10.0" {
		t.Errorf("%s is served", got)
	}
}
