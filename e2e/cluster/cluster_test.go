//go:build e2e && linux

package cluster_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// runPod runs a pod, says so, and holds the cluster until its input ends.
const runPod = `kubectl run one --image=docker.io/davit/pause:1 --image-pull-policy=Never >&2 &&
	kubectl wait --for=condition=Ready --timeout=60s pod/one >&2 && echo running && cat`

// TestNothingIsLeft starts clusters that run a pod, two at a time, ends one as
// it should and kills the other, and looks at what is left of them.
func TestNothingIsLeft(t *testing.T) {
	if os.Getenv("KUBECONFIG") != "" {
		t.Skip("KUBECONFIG names a cluster: none is started")
	}
	up := filepath.Join(t.TempDir(), "davit-cluster-up")
	if out, err := exec.Command("go", "build", "-o", up, "./up").CombinedOutput(); err != nil {
		t.Fatalf("building up: %v\n%s", err, out)
	}
	m := &machine{T: t, up: up, mark: fmt.Sprintf("DAVIT_TEST_MARK=%016x", rand.Uint64()), groups: map[string]bool{}}
	before := m.traces()
	ended, killed := m.start(runPod), m.start(runPod)
	ended.await(t)
	killed.await(t)
	m.traces() // learns the control groups
	if during := m.traces(); len(m.groups) != 2 || !slices.ContainsFunc(during, func(trace string) bool { return strings.HasSuffix(trace, " /pause") }) {
		t.Fatalf("two clusters that each run a pod show as:\n%s", strings.Join(during, "\n"))
	}
	if err := ended.close(); err != nil {
		t.Errorf("the cluster ended with %v", err)
	}
	if err := killed.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.close() // says that it was killed
	m.awaitTraces(func(now []string) bool {
		return !slices.ContainsFunc(now, func(trace string) bool { return !strings.HasPrefix(trace, "group ") && !slices.Contains(before, trace) })
	})

	again := m.start("-control-plane", "echo running && cat")
	again.await(t)
	if err := again.close(); err != nil {
		t.Errorf("the last cluster ended with %v", err)
	}
	if diff := cmp.Diff(before, m.traces()); diff != "" {
		t.Errorf("what is left after the next start (-before +after):\n%s", diff)
	}
}

// running is a cluster that is held.
type running struct {
	cmd   *exec.Cmd
	input io.Closer
	lines *bufio.Scanner
}

// await waits until the script says so.
func (r *running) await(t *testing.T) {
	t.Helper()
	if !r.lines.Scan() || r.lines.Text() != "running" {
		t.Fatalf("the cluster says %q, %v", r.lines.Text(), r.cmd.Wait())
	}
}

// close ends the script and waits for the end of the cluster.
func (r *running) close() error {
	_ = r.input.Close() // closed already when the process was killed
	return r.cmd.Wait()
}

// machine is this one, as it shows the clusters that carry a mark in their
// environment: there may be others.
type machine struct {
	*testing.T
	up     string
	mark   string
	groups map[string]bool // control groups of clusters with the mark
}

// start starts a cluster that runs a script, the last of the arguments.
func (m *machine) start(args ...string) *running {
	m.Helper()
	last := len(args) - 1
	cmd := exec.Command(m.up, append(slices.Clone(args[:last]), "sh", "-c", args[last])...)
	cmd.Env = append(os.Environ(), m.mark)
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		m.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		m.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		m.Fatal(err)
	}
	r := &running{cmd, input, bufio.NewScanner(output)}
	m.Cleanup(func() { _ = r.close() })
	return r
}

// traces lists what clusters with the mark are known by, and what else a
// cluster could leave.
func (m *machine) traces() []string {
	m.Helper()
	all := append(m.processes(), m.folders()...)
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		m.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		all = append(all, "mount "+strings.Fields(line)[4])
	}
	slices.Sort(all)
	return all
}

// processes lists those that have the mark or are in a control group of those.
func (m *machine) processes() []string {
	m.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		m.Fatal(err)
	}
	var all []string
	for _, dir := range folders {
		// A process that has ended meanwhile has neither.
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		groups, _ := os.ReadFile(filepath.Join(dir, "cgroup"))
		_, group, staged := strings.Cut(string(environ), "DAVIT_CLUSTER_STAGE=first:")
		marked := strings.Contains(string(environ), m.mark)
		if group, _, _ = strings.Cut(group, "\x00"); staged && marked {
			m.groups[group] = true
		}
		for group := range m.groups {
			marked = marked || strings.Contains(string(groups), group)
		}
		if marked {
			program, _ := os.Readlink(filepath.Join(dir, "exe"))
			all = append(all, "process "+dir+" "+program)
		}
	}
	return all
}

// folders lists control groups, and what lies where a cluster would write if its
// file systems were not its own.
func (m *machine) folders() []string {
	m.Helper()
	var all []string
	for group := range m.groups {
		for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
			found, err := filepath.Glob(pattern + group)
			if err != nil {
				m.Fatal(err)
			}
			for _, f := range found {
				all = append(all, "group "+f)
			}
		}
	}
	for _, pattern := range []string{"/run/cluster*", "/run/netns/*", "/run/containerd/*", "/var/lib/kubelet/*", "/var/lib/cni/*", "/var/log/containers/*", "/var/log/pods/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			m.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

// awaitTraces waits until what is left is as it should be: processes that were
// killed end when they can.
func (m *machine) awaitTraces(fine func([]string) bool) {
	m.Helper()
	ctx, cancel := context.WithTimeout(m.Context(), 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for now := m.traces(); !fine(now); now = m.traces() {
		select {
		case <-ctx.Done():
			m.Fatalf("there are left\n%s", strings.Join(now, "\n"))
		case <-ticker.C:
		}
	}
}
