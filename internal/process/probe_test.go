package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

func httpProbe(path string) *davit.Probe {
	return &davit.Probe{
		HTTP: &davit.HTTPProbe{Path: path}, Period: davit.Duration(10 * time.Millisecond), Timeout: davit.Duration(10 * time.Second),
		FailureThreshold: 2, SuccessThreshold: 2,
	}
}

func TestReadinessComesAndGoes(t *testing.T) {
	f := runtimeOf(t, open(t, Config{}))
	f.declare(release(t, "v1", nil, service(t, "moody", func(s *davit.Service) { s.Readiness = httpProbe("/ready") })), 1)
	i := f.untilReady(1)[0]
	ask(t, i, "/ready?set=503")
	sad := f.until("starting", func(all []davit.Instance) bool { return are(all, 1, davit.Starting) })[0]
	if sad.Reason != "readiness probe: GET /ready answered 503" {
		t.Errorf("the reason is %q", sad.Reason)
	}
	ask(t, i, "/ready?set=302") // a redirect is an answer
	if again := f.untilReady(1)[0]; again.Restarts != 0 || again.Reason != "" {
		t.Errorf("%+v", again)
	}
}

func TestLivenessRestarts(t *testing.T) {
	f := runtimeOf(t, open(t, Config{}))
	f.declare(release(t, "v1", nil, service(t, "moody", func(s *davit.Service) { s.Liveness = httpProbe("/live") })), 1)
	i := f.untilReady(1)[0]
	ask(t, i, "/live?set=500")
	f.until("restarted", func(all []davit.Instance) bool { return are(all, 1, davit.Ready) && all[0].Restarts == 1 })
}

func TestStartupGatesTheOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "go")
	f := runtimeOf(t, open(t, Config{}))
	f.declare(release(t, "v1", nil, service(t, "slow", func(s *davit.Service) {
		s.Env["GO_FILE"] = file
		s.Startup, s.Liveness = httpProbe("/healthz"), httpProbe("/healthz")
		s.Startup.FailureThreshold = 100_000
	})), 1)
	f.until("waiting", func(all []davit.Instance) bool {
		return are(all, 1, davit.Starting) && strings.HasPrefix(all[0].Reason, "startup probe: ")
	})
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if i := f.untilReady(1)[0]; i.Restarts != 0 {
		t.Errorf("%+v", i)
	}
}

func TestStartupFailureIsACrash(t *testing.T) {
	f := runtimeOf(t, open(t, Config{}))
	f.declare(release(t, "v1", nil, service(t, "never", func(s *davit.Service) { s.Startup = httpProbe("/healthz") })), 1)
	i := f.until("failed", isFailed)[0]
	if !strings.Contains(i.Reason, "crash loop: ended 3 times") || !strings.Contains(i.Reason, "startup probe failed: not within 20ms") {
		t.Errorf("%+v", i)
	}
}

func TestNeverReadySaysWhy(t *testing.T) {
	f := runtimeOf(t, open(t, Config{}))
	f.declare(release(t, "v1", nil, service(t, "never", nil)), 1)
	f.until("a reason", func(all []davit.Instance) bool {
		return are(all, 1, davit.Starting) && strings.Contains(all[0].Reason, "connection refused")
	})
}

func TestExecProbe(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "well")
	h := open(t, Config{})
	f := runtimeOf(t, h)
	t.Setenv("TEST_TOKEN", "hunter2-do-not-tell")
	f.declare(release(t, "v1", nil, service(t, "worker", func(s *davit.Service) {
		s.Traffic = false
		s.Secrets = map[string]string{"TOKEN": "env:TEST_TOKEN"}
		s.Readiness = &davit.Probe{
			Exec:   &davit.ExecProbe{Command: []string{"sh", "-c", "echo no: $TOKEN $DAVIT_SERVICE >&2; test -e " + marker}},
			Period: davit.Duration(10 * time.Millisecond), Timeout: davit.Duration(30 * time.Second),
		}
	})), 1)
	f.until("a reason", func(all []davit.Instance) bool {
		return are(all, 1, davit.Starting) && all[0].Reason == "readiness probe: sh: exit status 1: no: *** web"
	})
	if err := os.WriteFile(marker, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.untilReady(1)
}

func TestExecProbeIsKilledWithItsGroup(t *testing.T) {
	h := open(t, Config{})
	f := runtimeOf(t, h)
	f.declare(release(t, "v1", nil, service(t, "worker", func(s *davit.Service) {
		s.Traffic = false
		s.Readiness = &davit.Probe{
			Exec:   &davit.ExecProbe{Command: []string{"sh", "-c", "sleep 1000 & wait"}},
			Period: davit.Duration(time.Hour), Timeout: davit.Duration(50 * time.Millisecond), FailureThreshold: 1,
		}
	})), 1)
	f.until("too long", func(all []davit.Instance) bool {
		return are(all, 1, davit.Starting) && all[0].Reason == "readiness probe: sh took too long"
	})
	eventually(t, "only the worker", func() bool {
		all, err := h.marked()
		return err == nil && len(all) == 1 && !all[0].probe
	})
}

func TestH2CProbe(t *testing.T) {
	for _, protocol := range []davit.Protocol{davit.ProtocolH2C, davit.ProtocolGRPC} {
		f := runtimeOf(t, open(t, Config{}))
		f.declare(release(t, "v1", nil, service(t, "h2c", func(s *davit.Service) {
			s.Protocol, s.Readiness = protocol, httpProbe("/healthz")
		})), 1)
		f.untilReady(1)
	}
}

// An application that is ready at once must be seen to be, long before the
// probe's period has passed.
func TestFirstProbesAreFast(t *testing.T) {
	f := runtimeOf(t, open(t, Config{}))
	f.declare(release(t, "v1", nil, service(t, "http", func(s *davit.Service) {
		s.Readiness = httpProbe("/healthz")
		s.Readiness.Period, s.Readiness.SuccessThreshold = davit.Duration(time.Hour), 1
	})), 1)
	f.untilReady(1)
}
