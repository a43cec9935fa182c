package process

import (
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

func TestHistory(t *testing.T) {
	type end struct {
		after, ready time.Duration // since the last end; ready before it
	}
	for name, test := range map[string]struct {
		proven bool
		ends   []end
		want   verdict // of the last
	}{
		"first end":           {false, []end{{}}, verdict{exits: 1, restart: true, delay: 100 * time.Millisecond}},
		"third, never ready":  {false, []end{{}, {time.Second, 0}, {time.Second, 0}}, verdict{loop: true, exits: 3, span: 2 * time.Second, delay: 400 * time.Millisecond}},
		"third, ready once":   {true, []end{{}, {time.Second, 0}, {time.Second, 0}}, verdict{exits: 3, span: 2 * time.Second, restart: true, delay: 400 * time.Millisecond}},
		"five within":         {true, []end{{}, {time.Second, 0}, {time.Second, 0}, {time.Second, 0}, {57 * time.Second, 0}}, verdict{loop: true, exits: 5, span: 60 * time.Second, restart: true, delay: 1600 * time.Millisecond}},
		"five over more":      {true, []end{{}, {time.Second, 0}, {time.Second, 0}, {time.Second, 0}, {58 * time.Second, 0}}, verdict{exits: 5, span: 61 * time.Second, restart: true, delay: 1600 * time.Millisecond}},
		"healthy in between":  {true, []end{{}, {time.Second, 0}, {time.Second, 0}, {70 * time.Second, 60 * time.Second}}, verdict{exits: 1, restart: true, delay: 100 * time.Millisecond}},
		"not healthy enough":  {true, []end{{}, {70 * time.Second, 59 * time.Second}}, verdict{exits: 2, span: 70 * time.Second, restart: true, delay: 200 * time.Millisecond}},
		"the delay is capped": {true, make([]end, 12), verdict{loop: true, exits: 5, restart: true, delay: lastDelay}},
	} {
		t.Run(name, func(t *testing.T) {
			var h history
			var got verdict
			now := time.Unix(0, 0)
			for _, e := range test.ends {
				now = now.Add(e.after)
				got = h.exited(now, e.ready, test.proven)
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func isFailed(all []davit.Instance) bool { return are(all, 1, davit.Failed) }

func TestCrashLoopIsAVerdict(t *testing.T) {
	const secret = "hunter2-do-not-tell"
	t.Setenv("TEST_TOKEN", secret)
	dir := t.TempDir()
	h := open(t, Config{Dir: dir})
	f := runtimeOf(t, h)
	r := release(t, "v1", nil, service(t, "crash", func(s *davit.Service) { s.Secrets = map[string]string{"TOKEN": "env:TEST_TOKEN"} }))
	f.declare(r, 1)
	i := f.until("failed", isFailed)[0]
	if i.Restarts != 2 || !strings.Contains(i.Reason, "crash loop: ended 3 times in ") ||
		!strings.Contains(i.Reason, "exit status 3; last log line: about to fail with ***") {
		t.Errorf("%+v", i)
	}
	if strings.Contains(i.Reason, secret) {
		t.Error("the reason holds a secret")
	}
	if err := h.Close(); err != nil { // the verdict outlives the server
		t.Fatal(err)
	}
	h = open(t, Config{Dir: dir})
	f = runtimeOf(t, h)
	if again := f.instances(); !isFailed(again) || again[0].Reason != i.Reason || again[0].Restarts != 2 {
		t.Errorf("%+v", again)
	}
	f.declare(r, 0)
	f.untilNone()
}

func TestNothingToRunFailsAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*davit.Service)
		want   string
	}{
		"exit status 127":       {func(s *davit.Service) { s.Env[programVariable] = "127" }, "nothing to run: exit status 127"},
		"no such name":          {func(s *davit.Service) { s.Command = []string{"no-such-program"} }, `"no-such-program" is neither in the artifact nor on PATH`},
		"no such path":          {func(s *davit.Service) { s.Command = []string{"/no/such/program"} }, "no such file"},
		"not executable":        {func(s *davit.Service) { s.Command = []string{"/etc/passwd"} }, "permission denied"},
		"a folder":              {func(s *davit.Service) { s.Command = []string{"/etc"} }, "permission denied"},
		"relative, no artifact": {func(s *davit.Service) { s.Command = []string{"./web"} }, `"./web" is not in the artifact`},
		"no secret":             {func(s *davit.Service) { s.Secrets = map[string]string{"TOKEN": "env:TEST_UNSET"} }, "secret TOKEN (env:TEST_UNSET) cannot be resolved"},
	} {
		t.Run(name, func(t *testing.T) {
			f := runtimeOf(t, open(t, Config{}))
			f.declare(release(t, "v1", nil, service(t, "http", test.change)), 1)
			i := f.until("failed", isFailed)[0]
			if i.Restarts != 0 || !strings.Contains(i.Reason, test.want) {
				t.Errorf("%+v, want %s", i, test.want)
			}
		})
	}
}

func TestProvenIsRestartedWhenItLoops(t *testing.T) {
	f := runtimeOf(t, open(t, Config{}))
	f.declare(release(t, "v1", nil, service(t, "crashing", nil)), 1)
	for n := range loopExits {
		i := f.until("ready again", func(all []davit.Instance) bool { return are(all, 1, davit.Ready) && all[0].Restarts == n })[0]
		_, _ = get(t.Context(), i, "/crash")
	}
	if i := f.until("failed", isFailed)[0]; !strings.Contains(i.Reason, "crash loop: ended 5 times") {
		t.Errorf("%+v", i)
	}
	f.untilReady(1)
}
