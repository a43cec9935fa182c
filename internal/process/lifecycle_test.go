package process

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

func TestDeclareReadyStop(t *testing.T) {
	h := open(t, Config{})
	f := runtimeOf(t, h)
	r := release(t, "v1", nil, service(t, "http", nil))
	f.declare(r, 2)
	all := f.untilReady(2)
	if all[0].Address == all[1].Address || all[0].ID == all[1].ID {
		t.Errorf("two instances are one: %+v", all)
	}
	env := ask(t, all[0], "/env")
	for _, want := range []string{
		"PORT=" + strings.TrimPrefix(all[0].Address, "127.0.0.1:"), "DAVIT_APPLICATION=shop", "DAVIT_ENVIRONMENT=test",
		"DAVIT_RELEASE=" + string(r.ID), "DAVIT_VERSION=v1", "DAVIT_SERVICE=web", "DAVIT_INSTANCE=" + all[0].ID,
	} {
		if !slices.Contains(strings.Split(env, "\n"), want) {
			t.Errorf("the environment lacks %s:\n%s", want, env)
		}
	}
	f.declare(r, 1)
	left := f.untilReady(1)
	if left[0].ID != all[0].ID {
		t.Errorf("%s stayed, want the older %s", left[0].ID, all[0].ID)
	}
	f.declare(r, 0)
	f.untilNone()
	if pids := living(t, h); len(pids) > 0 {
		t.Errorf("processes %v were left behind", pids)
	}
	eventually(t, "without the declaration of nothing", func() bool { // it goes after the last instance was seen to
		names, err := filepath.Glob(filepath.Join(h.dir, "declared", "*"))
		return err == nil && len(names) == 0
	})
}

func TestDrainBeforeStop(t *testing.T) {
	draining, release2 := make(chan davit.Instance), make(chan struct{})
	h := open(t, Config{Drain: func(ctx context.Context, application, environment string, i davit.Instance, _ time.Duration) error {
		if application != "shop" || environment != "test" {
			t.Errorf("drained in %s %s", application, environment)
		}
		draining <- i
		select {
		case <-release2:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}})
	f := runtimeOf(t, h)
	r := release(t, "v1", nil, service(t, "http", nil))
	f.declare(r, 1)
	was := f.untilReady(1)[0]
	f.declare(r, 0)
	if i := <-draining; i.ID != was.ID || i.Condition != davit.Draining {
		t.Errorf("draining %+v", i)
	}
	ask(t, was, "/healthz") // it still serves
	f.declare(r, 1)         // does not bring it back
	both := f.until("a new one beside it", func(all []davit.Instance) bool {
		return len(all) == 2 && all[1].Condition == davit.Ready
	})
	if both[0].ID != was.ID || both[0].Condition != davit.Draining {
		t.Errorf("the draining one came back: %+v", both)
	}
	close(release2)
	if now := f.untilReady(1)[0]; now.ID == was.ID {
		t.Errorf("the drained one stayed: %+v", now)
	}
}

func TestDrainEndsWithTheProcess(t *testing.T) {
	var cut atomic.Bool
	draining := make(chan struct{})
	h := open(t, Config{Drain: func(ctx context.Context, _, _ string, _ davit.Instance, _ time.Duration) error {
		close(draining)
		<-ctx.Done()
		cut.Store(errors.Is(ctx.Err(), context.Canceled))
		return ctx.Err()
	}})
	f := runtimeOf(t, h)
	r := release(t, "v1", nil, service(t, "crashing", nil))
	f.declare(r, 1)
	i := f.untilReady(1)[0]
	f.declare(r, 0)
	<-draining
	_, _ = get(t.Context(), i, "/crash")
	f.untilNone()
	if !cut.Load() {
		t.Error("the drain went on after the process had ended")
	}
}

func TestStopKillsAfterGrace(t *testing.T) {
	h := open(t, Config{})
	f := runtimeOf(t, h)
	r := release(t, "v1", nil, service(t, "stubborn", func(s *davit.Service) { s.Grace = davit.Duration(50 * time.Millisecond) }))
	f.declare(r, 1)
	f.untilReady(1)
	f.declare(r, 0)
	f.untilNone()
	if pids := living(t, h); len(pids) > 0 {
		t.Errorf("processes %v were left behind", pids)
	}
}

func TestGrandchildrenDoNotSurvive(t *testing.T) {
	for name, end := range map[string]func(fixture, *davit.Release, davit.Instance){
		"stop": func(f fixture, r *davit.Release, _ davit.Instance) {
			f.declare(r, 0)
			f.untilNone()
		},
		"end of the leader": func(f fixture, _ *davit.Release, i davit.Instance) {
			before := f.host.instances[i.ID].record()
			p, err := openProcess(before.Process)
			if err != nil {
				f.Fatal(err)
			}
			defer p.close()
			if err := p.signal(9); err != nil {
				f.Fatal(err)
			}
			f.until("restarted", func(all []davit.Instance) bool { return are(all, 1, davit.Ready) && all[0].Restarts == 1 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, Config{})
			f := runtimeOf(t, h)
			r := release(t, "v1", nil, service(t, "parent", func(s *davit.Service) { s.Grace = davit.Duration(50 * time.Millisecond) }))
			f.declare(r, 1)
			i := f.untilReady(1)[0]
			before := living(t, h)
			if len(before) != 3 {
				t.Fatalf("processes %v, want three", before)
			}
			end(f, r, i)
			for _, pid := range living(t, h) {
				if slices.Contains(before, pid) {
					t.Errorf("process %d survived", pid)
				}
			}
		})
	}
}

func TestWorkerIsReadyWhenItLives(t *testing.T) {
	h := open(t, Config{})
	f := runtimeOf(t, h)
	f.declare(release(t, "v1", nil, service(t, "worker", func(s *davit.Service) { s.Traffic = false })), 1)
	if i := f.untilReady(1)[0]; i.Address != "" {
		t.Errorf("a worker has the address %s", i.Address)
	}
}

func TestFilesAndArguments(t *testing.T) {
	h := open(t, Config{})
	f := runtimeOf(t, h)
	r := release(t, "v1", nil, davit.Service{
		Name: "job", Command: []string{"sh", "-c", `echo "$0 $1 $(cat conf/app.ini) $UNSET ${HIDDEN}" && exec sleep 1000`, "${DAVIT_VERSION}", "$PORT-${MODE}-${HIDDEN}-$1"},
		Env: map[string]string{"MODE": "fast", "HIDDEN": "public"}, Secrets: map[string]string{"HIDDEN": "env:TEST_HIDDEN"},
		Files: []davit.File{{Path: "conf/app.ini", Content: []byte("hello"), Mode: 0o600}},
	})
	t.Setenv("TEST_HIDDEN", "xyzzy")
	f.declare(r, 1)
	i := f.untilReady(1)[0]
	port := h.instances[i.ID].record().Port
	want := "v1 " + strconv.Itoa(port) + "-fast-${HIDDEN}-$1 hello  xyzzy"
	var got []string
	if err := f.Logs(t.Context(), Query{}, func(l Line) error { got = append(got, l.Text); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, []string{want}) {
		t.Errorf("it says %q, want %q", got, want)
	}
	info, err := os.Stat(filepath.Join(h.dir, "instances", i.ID, "work/conf/app.ini"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
}
