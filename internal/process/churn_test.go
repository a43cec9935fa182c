package process

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// churnReleases are what a churning host declares sizes of.
func churnReleases() []*davit.Release {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	var all []*davit.Release
	for _, version := range []string{"v1", "v2"} {
		services := map[string]davit.Service{}
		for _, name := range []string{"web", "api"} {
			services[name] = davit.Service{
				Name: name, Command: []string{self}, Traffic: name == "web", Grace: davit.Duration(patience),
				Env: map[string]string{programVariable: "http", "GORACE": "atexit_sleep_ms=0"},
			}
		}
		r, err := davit.NewRelease("shop", "test", version, nil, davit.ReleaseConfig{Services: services}, time.Unix(0, 0))
		if err != nil {
			panic(err)
		}
		all = append(all, r)
	}
	return all
}

// churn is a program: a host that declares one size after another until it is
// killed.
func churn() {
	h, err := Open(context.Background(), Config{Dir: os.Getenv("CHURN_DIR")})
	if err != nil {
		panic(err)
	}
	runtime := h.Environment("shop", "test")
	fmt.Println("open")
	changed := runtime.Watch(context.Background())
	for {
		for _, r := range churnReleases() {
			if err := runtime.Declare(context.Background(), r, davit.Size{"web": rand.IntN(4), "api": rand.IntN(2)}); err != nil {
				panic(err)
			}
		}
		for range rand.IntN(20) {
			<-changed
		}
	}
}

// A host that is killed at any moment leaves nothing behind that the next one
// does not find, and the next one starts nothing that runs already.
func TestKilledHostLosesNothing(t *testing.T) {
	const rounds = 20
	if err := supported(); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	t.Cleanup(func() { killOf(t, dir) })
	random := rand.New(rand.NewPCG(rand.Uint64(), 1))
	for round := range rounds {
		killHost(t, dir, time.Duration(random.Int64N(int64(250*time.Millisecond))))
		adoptable := readyRecords(t, dir)
		h, err := Open(t.Context(), Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = h.Close() }) // again, unless the test ended early
		f := runtimeOf(t, h)
		kept, want := f.untilDeclared()
		stays := map[string]int{}
		for id, key := range adoptable {
			for _, i := range kept {
				if i.ID == id {
					if i.Restarts != h.instances[id].record().Restarts {
						t.Errorf("round %d: %s was started again", round, id)
					}
					stays[key]++
				}
			}
		}
		had := map[string]int{}
		for _, key := range adoptable {
			had[key]++
		}
		for key, n := range had {
			if stays[key] < min(n, want[key]) {
				t.Errorf("round %d: %d of %d ready instances of %s stayed, want %d", round, stays[key], n, key, want[key])
			}
		}
		eventually(t, fmt.Sprintf("%d processes", len(kept)), func() bool { return len(living(t, h)) == len(kept) })
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killHost runs a churning host and kills it some time after it has opened.
func killHost(t *testing.T, dir string, after time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), programVariable+"=churn", "CHURN_DIR="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "open\n" {
		t.Fatalf("the host says %q, %v", line, err)
	}
	<-time.After(after)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
}

// readyRecords lists the instances on disk that were ready and still run, with
// their release and service.
func readyRecords(t *testing.T, dir string) map[string]string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(dir, "instances", "*"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, dir := range dirs {
		rec, err := readRecord(dir)
		if err != nil || rec.Phase != running || !rec.Ready {
			continue
		}
		if p, err := openProcess(rec.Process); err == nil {
			p.close()
			found[rec.ID] = string(rec.Release) + " " + rec.Service
		}
	}
	return found
}

// untilDeclared waits until exactly what is declared is ready, and returns it
// and how many of each release and service that is.
func (f fixture) untilDeclared() ([]davit.Instance, map[string]int) {
	f.Helper()
	want := map[string]int{}
	f.host.mu.Lock()
	for key, d := range f.host.declared {
		for service, n := range d.Size {
			want[string(key.release)+" "+service] = n
		}
	}
	f.host.mu.Unlock()
	all := f.until("as declared", func(all []davit.Instance) bool {
		have := map[string]int{}
		for _, i := range all {
			if i.Condition != davit.Ready {
				return false
			}
			have[string(i.Release)+" "+i.Service]++
		}
		for key, n := range want {
			if have[key] != n {
				return false
			}
			delete(have, key)
		}
		return len(have) == 0
	})
	return all, want
}
