package process

import (
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

func TestAdopt(t *testing.T) {
	dir := t.TempDir()
	h := open(t, Config{Dir: dir})
	f := runtimeOf(t, h)
	r := release(t, "v1", nil, service(t, "http", nil))
	f.declare(r, 2)
	before := f.untilReady(2)
	pid := ask(t, before[0], "/pid")
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, before[0], "/pid"); got != pid {
		t.Errorf("pid %s after Close, was %s", got, pid)
	}

	h = open(t, Config{Dir: dir})
	f = runtimeOf(t, h)
	// Ready at once: whoever routes must not see a moment without instances.
	after := f.instances()
	if !are(after, 2, davit.Ready) {
		t.Fatalf("adopted as %+v", after)
	}
	for n := range before {
		if before[n].ID != after[n].ID || before[n].Address != after[n].Address || after[n].Restarts != 0 || !before[n].StartedAt.Equal(after[n].StartedAt) {
			t.Errorf("%+v became %+v", before[n], after[n])
		}
	}
	// An adopted process is watched like a child.
	p, err := openProcess(h.instances[after[0].ID].record().Process)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if err := p.signal(9); err != nil {
		t.Fatal(err)
	}
	f.until("restarted", func(all []davit.Instance) bool { return are(all, 2, davit.Ready) && all[0].Restarts == 1 })
	f.declare(r, 0)
	f.untilNone()
}

func TestSecondHostIsRefused(t *testing.T) {
	h := open(t, Config{})
	_, err := Open(t.Context(), Config{Dir: h.dir})
	if davit.ErrorCode(err) != davit.CodeConflict {
		t.Errorf("a second host: %v", err)
	}
}

func TestEndedWhileAway(t *testing.T) {
	dir := t.TempDir()
	h := open(t, Config{Dir: dir})
	f := runtimeOf(t, h)
	f.declare(release(t, "v1", nil, service(t, "http", nil)), 1)
	i := f.untilReady(1)[0]
	rec := h.instances[i.ID].record()
	bury(t, h)
	h = open(t, Config{Dir: dir})
	f = runtimeOf(t, h)
	again := f.untilReady(1)[0]
	if again.ID != i.ID || again.Address != i.Address || again.Restarts != 1 {
		t.Errorf("%+v became %+v", i, again)
	}
	if now := h.instances[i.ID].record(); now.Process == rec.Process {
		t.Errorf("the same process %v", now.Process)
	}
}

func TestReusedPidIsNotSignalled(t *testing.T) {
	dir := t.TempDir()
	h := open(t, Config{Dir: dir})
	f := runtimeOf(t, h)
	r := release(t, "v1", nil, service(t, "http", nil))
	f.declare(r, 1)
	i := f.untilReady(1)[0]
	rec := h.instances[i.ID].record()
	bury(t, h)

	// Somebody else's program has the pid by now.
	other := open(t, Config{})
	o := runtimeOf(t, other)
	o.declare(release(t, "v1", nil, service(t, "http", nil)), 1)
	victim := o.untilReady(1)[0]
	theirs := other.instances[victim.ID].record().Process
	rec.Process.PID = theirs.PID
	for _, change := range []func(*identity){
		func(id *identity) { id.Start = theirs.Start + 1 },
		func(id *identity) { id.Start, id.Boot = theirs.Start, "another boot" },
	} {
		wrong := rec
		change(&wrong.Process)
		if err := wrong.write(h.newInstance(rec, r).dir); err != nil {
			t.Fatal(err)
		}
		h = open(t, Config{Dir: dir})
		f = runtimeOf(t, h)
		f.untilReady(1)
		f.declare(r, 0)
		f.untilNone()
		f.declare(r, 1)
		rec = h.instances[f.untilReady(1)[0].ID].record()
		rec.Process.PID = theirs.PID
		bury(t, h)
		if got := o.untilReady(1)[0]; got.Restarts != 0 {
			t.Fatalf("the other program was ended: %+v", got)
		}
	}
}

func TestOrphanIsReaped(t *testing.T) {
	dir := t.TempDir()
	h := open(t, Config{Dir: dir})
	f := runtimeOf(t, h)
	r := release(t, "v1", nil, service(t, "http", nil))
	f.declare(r, 1)
	i := f.untilReady(1)[0]
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := removeFile(h.instances[i.ID].dir + "/record.json"); err != nil {
		t.Fatal(err)
	}
	h = open(t, Config{Dir: dir})
	f = runtimeOf(t, h)
	if now := f.untilReady(1)[0]; now.ID == i.ID {
		t.Errorf("%s came back without a record", i.ID)
	}
	eventually(t, "one process", func() bool { return len(living(t, h)) == 1 })
}

// What is to leave is not started again, dead or alive.
func TestInterruptedStopGoesOn(t *testing.T) {
	for name, alive := range map[string]bool{"running": true, "ended meanwhile": false} {
		t.Run(name, func(t *testing.T) { interruptStop(t, alive) })
	}
}

func interruptStop(t *testing.T, alive bool) {
	t.Helper()
	dir := t.TempDir()
	h := open(t, Config{Dir: dir})
	f := runtimeOf(t, h)
	r := release(t, "v1", nil, service(t, "stubborn", func(s *davit.Service) { s.Grace = davit.Duration(time.Hour) }))
	f.declare(r, 1)
	i := f.untilReady(1)[0]
	f.declare(r, 0)
	f.until("draining", func(all []davit.Instance) bool { return are(all, 1, davit.Draining) })
	eventually(t, "stopping", func() bool { return h.instances[i.ID].record().Phase == stopping })
	p, err := openProcess(h.instances[i.ID].record().Process)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if alive {
		err = h.Close()
	} else {
		bury(t, h)
	}
	if err != nil {
		t.Fatal(err)
	}
	h = open(t, Config{Dir: dir})
	f = runtimeOf(t, h)
	if alive {
		if all := f.instances(); !are(all, 1, davit.Draining) {
			t.Fatalf("it came back as %+v", all)
		}
		if err := p.signal(9); err != nil {
			t.Fatal(err)
		}
	}
	f.untilNone()
	starts := 0
	if err := f.Logs(t.Context(), Query{}, func(Line) error { starts++; return nil }); err != nil || starts != 1 {
		t.Errorf("it was started %d times, %v", starts, err)
	}
}
