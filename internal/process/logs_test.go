package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

func numbered(t *testing.T, n int) davit.Service {
	t.Helper()
	return service(t, "lines", func(s *davit.Service) {
		s.Traffic, s.Env["LINES"] = false, strconv.Itoa(n)
	})
}

// count returns a consumer that checks that lines are numbered without a gap,
// and done when the last one came.
func count(t *testing.T, n int) func(Line) error {
	t.Helper()
	next := 0
	return func(l Line) error {
		if want := fmt.Sprintf("line %d of a writer that is in a hurry", next); l.Text != want {
			return fmt.Errorf("got %.80q, want %q", l.Text, want)
		}
		if next++; next == n {
			return errDone
		}
		return nil
	}
}

var errDone = errors.New("done")

func TestRotationLosesNoLine(t *testing.T) {
	const n = 100_000
	h := open(t, Config{LogBytes: 100_000, LogFiles: 1000})
	f := runtimeOf(t, h)
	f.declare(release(t, "v1", nil, numbered(t, n)), 1)
	i := f.untilStarted()
	stop := make(chan struct{})
	var rotating = make(chan error, 1)
	log := h.instances[i.ID].log
	go func() { // beside the host's own, so that there are many
		for {
			select {
			case <-stop:
				rotating <- nil
				return
			default:
				if err := log.rotate(); err != nil {
					rotating <- err
					return
				}
			}
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := f.Logs(ctx, Query{Follow: true}, count(t, n)); !errors.Is(err, errDone) {
		t.Errorf("following: %v", err)
	}
	close(stop)
	if err := <-rotating; err != nil {
		t.Error(err)
	}
	if len(log.rotated) < 3 {
		t.Errorf("rotated %d times only", len(log.rotated))
	}
	if err := f.Logs(ctx, Query{}, count(t, n)); !errors.Is(err, errDone) {
		t.Errorf("reading again: %v", err)
	}
	// Another host sees the same.
	again := openLog(log.dir, log.limit, log.keep)
	if err := again.recover(); err != nil || !slices.Equal(again.rotated, log.rotated) {
		t.Errorf("opened again: %v, %v, want %v", again.rotated, err, log.rotated)
	}
	var last []string
	if err := f.Logs(ctx, Query{Lines: 3}, func(l Line) error { last = append(last, l.Text); return nil }); err != nil || len(last) != 3 || !strings.HasPrefix(last[0], "line 99997 ") {
		t.Errorf("the last lines are %q, %v", last, err)
	}
}

func (f fixture) untilStarted() davit.Instance {
	f.Helper()
	return f.until("started", func(all []davit.Instance) bool { return len(all) == 1 && !all[0].StartedAt.IsZero() })[0]
}

func TestOldLogsAreRemoved(t *testing.T) {
	for name, cut := range map[string]func(*os.File, int64) error{
		"as this file system can": collapse,
		"by copying":              func(*os.File, int64) error { return errors.ErrUnsupported },
	} {
		t.Run(name, func(t *testing.T) { rotateMany(t, cut) })
	}
}

func rotateMany(t *testing.T, cut func(*os.File, int64) error) {
	t.Helper()
	log := openLog(t.TempDir(), 8192, 2)
	log.collapse = cut
	out, err := log.open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	for n := range 2000 {
		if _, err := fmt.Fprintf(out, "line %d of twenty bytes\n", n); err != nil {
			t.Fatal(err)
		}
		if err := log.rotate(); err != nil {
			t.Fatal(err)
		}
	}
	files, _ := filepath.Glob(filepath.Join(log.dir, "*"))
	if len(files) != 3 {
		t.Errorf("kept %v", files)
	}
	for want, n := range map[string]int{"line 1999 of twenty bytes\n": 1, "line 1998 of twenty bytes\nline 1999 of twenty bytes\n": 2} {
		buffer := make([]byte, 1000)
		got, _, err := log.readAt(buffer, log.tail(n))
		if err != nil || string(buffer[:got]) != want {
			t.Errorf("the last %d are %q, %v", n, buffer[:got], err)
		}
	}
	if at := log.tail(1_000_000); at != log.oldest {
		t.Errorf("all begins at %d, want %d", at, log.oldest)
	}
}

func TestInterruptedRotation(t *testing.T) {
	for name, test := range map[string]struct{ log, copied, want string }{
		"before the cut": {"abcdef", "abc", "abcdef"},
		"after the cut":  {"def", "abc", "abcdef"},
		"emptied":        {"", "abc", "abc"},
		"same beginning": {"abd", "abc", "abcabd"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			build(t, dir, map[string]string{"out.log": test.log, "out.log.0": test.copied})
			log := openLog(dir, 1000, 5)
			if err := log.recover(); err != nil {
				t.Fatal(err)
			}
			var got []byte
			for buffer := make([]byte, 10); ; {
				n, _, err := log.readAt(buffer, int64(len(got)))
				if err != nil {
					break
				}
				got = append(got, buffer[:n]...)
			}
			if string(got) != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if _, err := os.Stat(log.name(0)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the copy is still there: %v", err)
			}
		})
	}
}

func TestFollowIncludesLaterInstances(t *testing.T) {
	h := open(t, Config{})
	f := runtimeOf(t, h)
	lines := make(chan Line)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		result <- f.Logs(ctx, Query{Follow: true, Service: "web"}, func(l Line) error {
			select {
			case lines <- l:
			case <-ctx.Done():
			}
			return nil
		})
	}()
	other := service(t, "worker", func(s *davit.Service) { s.Name, s.Traffic = "other", false })
	web := service(t, "worker", func(s *davit.Service) { s.Traffic = false })
	seen := map[string]bool{}
	for _, version := range []string{"v1", "v2"} {
		r := release(t, version, nil, web, other)
		f.declare(r, 1)
		l := <-lines
		if l.Text != "working" || l.Service != "web" || l.Release != r.ID || seen[l.Instance] {
			t.Errorf("line %+v", l)
		}
		seen[l.Instance] = true
	}
	cancel()
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func TestLogsOfEndedInstances(t *testing.T) {
	now := time.Now()
	dir := t.TempDir()
	config := Config{Dir: dir, KeepLogs: 2, Now: func() time.Time { return now }}
	h := open(t, config)
	f := runtimeOf(t, h)
	r := release(t, "v1", nil, service(t, "worker", func(s *davit.Service) { s.Traffic = false }))
	for range 3 {
		now = now.Add(time.Second)
		f.declare(r, 1)
		f.untilReady(1)
		f.declare(r, 0)
		f.untilNone()
	}
	count := func() (n int) {
		t.Helper()
		if err := f.Logs(t.Context(), Query{}, func(Line) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	eventually(t, "two logs", func() bool { return count() == 2 })
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h = open(t, config)
	f = runtimeOf(t, h)
	if n := count(); n != 2 {
		t.Errorf("%d logs after a restart, want 2", n)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	now = now.Add(8 * 24 * time.Hour)
	h = open(t, config)
	f = runtimeOf(t, h)
	if n := count(); n != 0 {
		t.Errorf("%d logs after a week, want none", n)
	}
}

func TestLongLinesComeInPieces(t *testing.T) {
	h := open(t, Config{})
	f := runtimeOf(t, h)
	f.declare(release(t, "v1", nil, davit.Service{Name: "job", Command: []string{"sh", "-c",
		`head -c 150000 /dev/zero | tr '\0' x; echo; printf 'last\r\nunfinished'; exec sleep 1000`}}), 1)
	f.untilReady(1)
	var sizes []int
	if err := f.Logs(t.Context(), Query{}, func(l Line) error { sizes = append(sizes, len(l.Text)); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := []int{65536, 65536, 18928, 4, 10}; !slices.Equal(sizes, want) {
		t.Errorf("pieces of %v, want %v", sizes, want)
	}
}
