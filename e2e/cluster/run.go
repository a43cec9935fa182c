//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

// stageVariable says what this process is to a cluster: nothing as yet, the
// first process of its namespaces, or the one that starts it and does the work.
// The name of the control group follows.
const stageVariable = "DAVIT_CLUSTER_STAGE"

const (
	stageFirst = "first"
	stageWork  = "work"
)

// lockDescriptor is where the first process has the lock of its control group:
// the first descriptor after the standard ones.
const lockDescriptor = 3

// Run calls work with a cluster, and returns what it returned: the exit code of
// the process, which is to call nothing else. With KUBECONFIG set, that names the
// cluster. Otherwise Run builds the programs when they are not in the cache, and
// executes this very program once more in new namespaces; there it starts a
// cluster, and calls work. A cluster ends with work.
//
//	func TestMain(m *testing.M) {
//		os.Exit(cluster.Run(cluster.Options{}, func(*cluster.Cluster) int { return m.Run() }))
//	}
func Run(o Options, work func(*Cluster) int) int {
	code, err := run(o, work)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		return max(code, 1)
	}
	return code
}

func run(o Options, work func(*Cluster) int) (int, error) {
	stage, group, _ := strings.Cut(os.Getenv(stageVariable), ":")
	switch {
	case stage == stageFirst:
		return reap(group)
	case stage == stageWork:
		if err := os.Unsetenv(stageVariable); err != nil { // what is started from here on is no stage
			return 1, err
		}
		c, err := start(context.Background(), o, group)
		if err != nil {
			return 1, err
		}
		return work(c), nil
	case os.Getenv("KUBECONFIG") != "":
		return work(&Cluster{foreign: true}), nil
	default:
		return enter()
	}
}

// enter executes this program in new namespaces, waits for its end, and removes
// what the kernel leaves.
func enter() (code int, err error) {
	if os.Geteuid() != 0 {
		return 1, errors.New("a cluster of one's own takes root; KUBECONFIG names another")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := Build(ctx, os.Stderr); err != nil {
		return 1, err
	}
	g, err := newGroup(ctx)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, g.remove(context.WithoutCancel(ctx))) }()
	cmd, err := again(ctx, stageFirst, g.name)
	if err != nil {
		return 1, err
	}
	cmd.ExtraFiles = []*os.File{g.lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL, // and with the first process of a process namespace end all others
	}
	// The signal comes when the thread ends that started the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("making namespaces, which takes root: %w", err)
	}
	fmt.Fprintf(os.Stderr, "cluster: starting; to look at it: nsenter --target %d --net --mount --pid\n", cmd.Process.Pid)
	return exitCode(ctx, cmd.Wait())
}

// exitCode tells a process that failed from one that could not be run.
func exitCode(ctx context.Context, err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return 1, context.Cause(ctx)
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), nil
	default:
		return 0, err
	}
}

// again returns this program with its arguments, as another stage.
func again(ctx context.Context, stage, group string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("looking for this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), stageVariable+"="+stage+":"+group)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd, nil
}

// reap is the work of the first process of a process namespace: it prepares the
// others, starts the one that does the work, and takes leave of all that lose
// their parents, until that one ends.
func reap(group string) (int, error) {
	syscall.CloseOnExec(lockDescriptor) // it ends with this process, and all others after it
	if err := isolate(); err != nil {
		return 1, fmt.Errorf("preparing the namespaces: %w", err)
	}
	// What an operator's terminal sends is for the one that does the work.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	cmd, err := again(context.Background(), stageWork, group)
	if err != nil {
		return 1, err
	}
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("starting the work: %w", err)
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 1, fmt.Errorf("waiting for the work: %w", err)
		case pid == cmd.Process.Pid && status.Exited():
			return status.ExitStatus(), nil
		case pid == cmd.Process.Pid && status.Signaled():
			return 1, fmt.Errorf("the work was ended by %s", status.Signal())
		}
	}
}
