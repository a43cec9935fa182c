package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

// open opens a host that ends with the test, and its processes with it.
func open(t *testing.T, config Config) *Host {
	t.Helper()
	if err := supported(); err != nil {
		t.Skip(err)
	}
	h, err := Open(t.Context(), quick(t, config))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bury(t, h) })
	return h
}

func quick(t *testing.T, config Config) Config {
	t.Helper()
	if config.Dir == "" {
		config.Dir = t.TempDir()
	}
	if config.Log == nil {
		config.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	return config
}

// bury closes the host and kills all processes of its directory.
func bury(t *testing.T, h *Host) {
	t.Helper()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	kill(t, h)
}

// killOf kills all processes of a directory, whether or not a host has it.
func killOf(t *testing.T, dir string) {
	t.Helper()
	id, err := os.ReadFile(filepath.Join(dir, "id"))
	if err != nil {
		t.Error(err)
		return
	}
	boot, err := bootID()
	if err != nil {
		t.Error(err)
	}
	kill(t, &Host{id: string(id), boot: boot, log: slog.New(slog.DiscardHandler)})
}

func kill(t *testing.T, h *Host) {
	t.Helper()
	find := func() ([]identity, error) {
		all, err := h.marked()
		ids := make([]identity, len(all))
		for n, m := range all {
			ids[n] = m.identity
		}
		return ids, err
	}
	if err := h.end(context.Background(), find, 0); err != nil {
		t.Error(err)
	}
	for { // those that were our children
		if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != nil || pid <= 0 {
			return
		}
	}
}

// service returns a service that runs one of the programs of this binary.
func service(t *testing.T, program string, change func(*davit.Service)) davit.Service {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := davit.Service{
		Name: "web", Command: []string{self}, Traffic: true, Env: map[string]string{programVariable: program, "GORACE": "atexit_sleep_ms=0", "GOCOVERDIR": t.TempDir()},
		Grace: davit.Duration(30 * time.Second), DrainLimit: davit.Duration(30 * time.Second),
	}
	if change != nil {
		change(&s)
	}
	return s
}

// release returns a release of services.
func release(t *testing.T, version string, artifacts map[string]string, services ...davit.Service) *davit.Release {
	t.Helper()
	all := map[string]davit.Service{}
	for _, s := range services {
		all[s.Name] = s
	}
	r, err := davit.NewRelease("shop", "test", version, artifacts, davit.ReleaseConfig{Services: all}, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// fixture is the runtime that most tests need.
type fixture struct {
	*testing.T
	*Runtime
}

func runtimeOf(t *testing.T, h *Host) fixture {
	t.Helper()
	return fixture{t, h.Environment("shop", "test")}
}

func (f fixture) declare(r *davit.Release, n int) {
	f.Helper()
	size := davit.Size{}
	for name := range r.Config.Services {
		size[name] = n
	}
	if err := f.Declare(f.Context(), r, size); err != nil {
		f.Fatal(err)
	}
}

func (f fixture) instances() []davit.Instance {
	f.Helper()
	all, err := f.Instances(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	return all
}

// until waits for the instances to be as wanted, and returns them.
func (f fixture) until(what string, wanted func([]davit.Instance) bool) (found []davit.Instance) {
	f.Helper()
	if err := until(f.Context(), f.Runtime, func(all []davit.Instance) bool { found = all; return wanted(all) }); err != nil {
		f.Fatalf("never %s: %v", what, err)
	}
	return found
}

// untilReady waits for n instances in all, each of them ready.
func (f fixture) untilReady(n int) []davit.Instance {
	f.Helper()
	return f.until(fmt.Sprintf("%d ready", n), func(all []davit.Instance) bool { return are(all, n, davit.Ready) })
}

func (f fixture) untilNone() {
	f.Helper()
	f.until("none", func(all []davit.Instance) bool { return len(all) == 0 })
}

func are(all []davit.Instance, n int, condition davit.Condition) bool {
	return len(all) == n && !slices.ContainsFunc(all, func(i davit.Instance) bool { return i.Condition != condition })
}

// eventually polls for what the world tells of in no other way.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for tick := time.Tick(5 * time.Millisecond); !yes(); <-tick {
		if time.Now().After(deadline) {
			t.Fatalf("never %s", what)
		}
	}
}

// ask gets a path from an instance.
func ask(t *testing.T, i davit.Instance, path string) string {
	t.Helper()
	body, err := get(t.Context(), i, path)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func get(ctx context.Context, i davit.Instance, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+i.Address+path, http.NoBody)
	if err != nil {
		return "", err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		err = errors.Join(err, fmt.Errorf("status %d: %s", response.StatusCode, body))
	}
	return string(body), errors.Join(err, response.Body.Close())
}

// living returns the pids of the host's processes.
func living(t *testing.T, h *Host) []int {
	t.Helper()
	all, err := h.marked()
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, m := range all {
		found = append(found, m.PID)
	}
	return found
}

// everything returns the contents of all files below dir.
func everything(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		all.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
