//go:build e2e && linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/proxy"
)

// TestDeadServerLeavesNoCanaryBehind kills the server in the middle of a canary
// and does not start another: the proxy returns all traffic to stable by itself,
// and loses no request over it. The next server records that, and goes on as the
// policy says.
func TestDeadServerLeavesNoCanaryBehind(t *testing.T) {
	for name, test := range map[string]struct {
		policy string
		ends   davit.Phase
	}{
		"resume":   {"", davit.Watching},
		"rollback": {"\n    onInterrupt: rollback", davit.RolledBack},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.flags = []string{"--lease", "1s"}
			m.edit("patience: 20s", "patience: 20s"+test.policy)
			m.edit("steps: [10, 50, 100], bake: 300ms", "steps: [50, 100], bake: 4s")
			m.serve()
			m.must(0, "deploy", "staging", "v1")
			stable := m.status("staging").Environment.Stable
			m.under(200, func() {
				m.must(0, "deploy", "staging", "v2", "--detach")
				m.eventually("the candidate has traffic", func() bool { return len(m.status("staging").Split) == 2 })
				m.kill(syscall.SIGKILL)
				m.eventually("all traffic is on stable", func() bool {
					table, err := proxy.NewClient(filepath.Join(m.state, "proxy")).Table(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					return len(table.Sites) == 1 && table.Sites[0].Split.Equal(davit.All(stable)) && len(table.Sites[0].Lapsed) == 2
				})
				m.serve()
				m.eventually("the rollout has ended as the policy says", func() bool { return m.status("staging").Rollout.Phase == test.ends })
			})
			if lapses := strings.Count(m.must(0, "audit", "export").stdout, "rollout.lapsed"); lapses != 1 {
				t.Errorf("%d audit entries say that the lease ran out, want 1", lapses)
			}
			log, err := os.ReadFile(filepath.Join(m.state, "proxy", "proxy.log"))
			if err != nil || !strings.Contains(string(log), "nobody renewed the lease") {
				t.Errorf("the proxy's log does not say it: %v\n%s", err, log)
			}
			m.verifyAudit()
			m.whole()
		})
	}
}
