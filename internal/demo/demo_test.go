package demo

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/config"
	"github.com/davit-dev/davit/internal/load"
)

var update = flag.Bool("update", false, "write golden files")

func newTestRig(t *testing.T, davitPath string) *Rig {
	t.Helper()
	r, err := NewRig(t.Context(), davitPath, BlueGreen, Canary, Rolling, impatient)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(r.dir); !os.IsNotExist(err) {
			t.Errorf("the folder is still there: %v", err)
		}
	})
	return r
}

func TestSettingsOfEveryStrategyAreValid(t *testing.T) {
	r := newTestRig(t, "davit")
	if err := os.MkdirAll(filepath.Join(r.dir, "build", "v1"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, s := range []Strategy{BlueGreen, Canary, Rolling, impatient} {
		file, err := config.Load(r.file(s))
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		for _, scene := range scenes() {
			if _, err := os.Stat(filepath.Join(r.dir, "releases", scene.version+".json")); err != nil {
				t.Errorf("the example has no release %s: %v", scene.version, err)
			}
		}
		resolved, err := file.Resolve(environment, "v1")
		if err != nil || len(resolved.Hints) > 0 {
			t.Errorf("%s: %v, hints %v", s.Name, err, resolved)
		}
	}
}

func TestBuildWithoutGoSaysSo(t *testing.T) {
	r := newTestRig(t, "davit")
	t.Setenv("PATH", t.TempDir())
	err := r.Build(t.Context(), "v1")
	if davit.ErrorCode(err) != davit.CodeUnsupported || !strings.Contains(err.Error(), "no Go toolchain") {
		t.Errorf("error %v", err)
	}
}

func TestBuildStampsTheVersion(t *testing.T) {
	r := newTestRig(t, "davit")
	if err := r.Build(t.Context(), "v7"); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(r.dir, "build", "v7", "shop"), "version").Output() //nolint:gosec // just built
	if err != nil || string(out) != "v7\n" {
		t.Errorf("the binary says %q, %v", out, err)
	}
}

func TestSweepFindsAndEndsWhatIsLeft(t *testing.T) {
	r := newTestRig(t, "davit")
	stubborn := exec.CommandContext(t.Context(), "cat")
	stubborn.Env = append(os.Environ(), "DAVIT_STATE="+r.dir)
	in, err := stubborn.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := stubborn.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := stubborn.Start(); err != nil {
		t.Fatal(err)
	}
	// Start returns while the kernel may still be laying out the new program, its environment not yet
	// readable. A program that answers has one.
	if _, err := in.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	left, err := r.sweep(t.Context(), 100*time.Millisecond)
	if err != nil || len(left) != 1 || !strings.HasPrefix(left[0], strconv.Itoa(stubborn.Process.Pid)) {
		t.Errorf("left %q, %v; want the cat of pid %d", left, err, stubborn.Process.Pid)
	}
	if err := stubborn.Wait(); err == nil {
		t.Error("it was not ended")
	}
	if left, err := r.sweep(t.Context(), time.Minute); err != nil || len(left) != 0 {
		t.Errorf("afterwards there is %q, %v", left, err)
	}
}

// fakeDavit writes a program that answers as davit deploy does.
func fakeDavit(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "davit")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	return path
}

func TestDeployReadsWhatDavitWrites(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	for _, line := range []any{
		map[string]any{"event": davit.Event{Kind: davit.EventRouted, At: at, Data: []byte(`{"v1-a":950,"v2-b":50}`)}},
		map[string]any{"event": davit.Event{Kind: davit.EventRouted, At: at.Add(2 * time.Second), Data: []byte(`{"v1-a":1000}`)}},
		map[string]any{"rollout": davit.Rollout{Plan: davit.Plan{Target: "v2-b"}, Phase: davit.RolledBack, HauledAt: at.Add(time.Second)}},
	} {
		if err := enc.Encode(line); err != nil {
			t.Fatal(err)
		}
	}
	r := newTestRig(t, fakeDavit(t, "cat <<'END'\n"+lines.String()+"END\necho \"$@\" >&2\nexit 3\n"))
	d, err := r.Deploy(t.Context(), Canary, "v2")
	if err != nil {
		t.Fatal(err)
	}
	if d.Exit != 3 || len(d.Events) != 2 || d.Rollout.Phase != davit.RolledBack || !d.BackAt().Equal(at.Add(2*time.Second)) {
		t.Errorf("deployment %+v, back at %s", d, d.BackAt())
	}
	if want := "deploy demo v2 --file " + r.file(Canary) + " --output json\n"; d.Stderr != want {
		t.Errorf("davit was run with %q, want %q", d.Stderr, want)
	}
}

func TestDeployThatTellsNothingIsAnError(t *testing.T) {
	for name, script := range map[string]string{"nothing": "echo usage >&2; exit 2", "no JSON": "echo hello"} {
		if d, err := newTestRig(t, fakeDavit(t, script)).Deploy(t.Context(), Canary, "v2"); err == nil {
			t.Errorf("%s: no error, deployment %+v", name, d)
		}
	}
}

func TestMeasureJudges(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	good := load.Snapshot{Sent: 100, Answered: 100, Lost: map[load.Kind]int64{}, Releases: map[string]load.Release{
		"v1": {Answered: 50, Last: at.Add(300 * time.Millisecond)}, "v2": {Answered: 50},
	}}
	lossy := good
	lossy.Lost = map[load.Kind]int64{load.Reset: 2}
	lossy.Samples = []load.Sample{{Kind: load.Reset, Request: "GET /"}}
	failing := good
	failing.Lost = map[load.Kind]int64{load.ServerError: 7}
	failing.Releases = map[string]load.Release{"v1": {Answered: 90}, "v2": {Answered: 3, Failed: 7, FirstFailed: at, Last: at.Add(40 * time.Millisecond)}}
	failingMore := failing
	failingMore.Lost = map[load.Kind]int64{load.ServerError: 7, load.Dial: 1}
	unseen := good
	unseen.Releases = map[string]load.Release{"v1": {Answered: 100}}
	rolledBack := &davit.Rollout{Phase: davit.RolledBack}
	for name, c := range map[string]struct {
		want     ending
		exit     int
		window   load.Snapshot
		ending   string
		problem  string // "" for none
		switched time.Duration
		back     time.Duration
	}{
		"promoted":                      {promoted, 0, good, "promoted", "", 300 * time.Millisecond, 0},
		"promoted with losses":          {promoted, 0, lossy, "promoted", "2 requests were lost", 300 * time.Millisecond, 0},
		"promoted and never seen":       {promoted, 0, unseen, "promoted", "v2 answered nothing", 0, 0},
		"not promoted":                  {promoted, 3, unseen, "refused", "should have been promoted", 0, 0},
		"refused":                       {refused, 3, unseen, "refused", "", 0, 0},
		"served though never ready":     {refused, 3, good, "hauled back", "should have been refused", 0, 0},
		"hauled back":                   {hauledBack, 3, failing, "hauled back", "", 0, 40 * time.Millisecond},
		"hauled back with losses":       {hauledBack, 3, failingMore, "hauled back", "1 requests were lost", 0, 40 * time.Millisecond},
		"a bad release promoted":        {hauledBack, 0, failing, "promoted", "should have been hauled back", 0, 40 * time.Millisecond},
		"davit could not haul it back":  {hauledBack, 1, failing, "rolled back", "should have been hauled back", 0, 40 * time.Millisecond},
		"a bad release that did no bad": {hauledBack, 3, unseen, "refused", "should have been hauled back", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := &Deployment{Began: at, Exit: c.exit, Rollout: rolledBack}
			got := measure(scene{version: "v2", want: c.want}, d, c.window, "v1")
			if got.Ending != c.ending || got.Switched.D() != c.switched || got.HauledBack.D() != c.back {
				t.Errorf("ending %q, switched in %s, back in %s; want %q, %s, %s", got.Ending, got.Switched, got.HauledBack, c.ending, c.switched, c.back)
			}
			said := strings.Join(got.Problems, "\n")
			if (c.problem == "") != (said == "") || !strings.Contains(said, c.problem) {
				t.Errorf("problems %q, want %q", said, c.problem)
			}
			if report := (&Report{Scenes: []Result{got}}); report.Passed() != (c.problem == "") {
				t.Errorf("passed is %v", report.Passed())
			}
		})
	}
}

func TestPassedIsStrict(t *testing.T) {
	good := []Result{{Title: "a"}}
	for name, r := range map[string]Report{
		"no scene":    {},
		"left behind": {Scenes: good, Left: []string{"1 davit"}},
		"problem":     {Scenes: good, Problems: []string{"p"}},
	} {
		if r.Passed() {
			t.Errorf("%s: passed", name)
		}
	}
	if !(&Report{Scenes: good}).Passed() {
		t.Error("a good report did not pass")
	}
}

func TestText(t *testing.T) {
	second := davit.Duration(time.Second)
	good := Report{
		Rate: 500, First: second / 5, Took: 31 * second, Orders: load.Orders{Confirmed: 1200},
		Scenes: []Result{
			{Title: "canary", Version: "v3", Ending: "promoted", Sent: 2738, LongestGap: second / 25, P99: second / 30, Switched: 4 * second},
			{Title: "fails under traffic", Version: "v5-failing", Ending: "hauled back", Sent: 1010, Bad: 1, LongestGap: second / 20, P99: second / 20, HauledBack: second / 17},
		},
	}
	bad := good
	bad.Problems, bad.Left = []string{"3 requests were lost between the scenes"}, []string{"123 davit proxy"}
	bad.Scenes = append([]Result{{Title: "rolling", Version: "v4", Ending: "failed", LostCount: 2, Problems: []string{"2 requests were lost"}, Behind: true}}, good.Scenes...)
	for name, r := range map[string]*Report{"passed": &good, "failed": &bad} {
		var out bytes.Buffer
		if err := r.WriteText(&out); err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(golden, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden) //nolint:gosec // a file of this test
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, out.Bytes(), want)
		}
	}
}
