package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/davit-dev/davit"
)

// A disk that takes no more is made by a limit on the size of files, which
// fails in the same places, for anybody, on any file system.
func TestFullDisk(t *testing.T) {
	if err := supported(); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	t.Cleanup(func() { killOf(t, dir) })
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), programVariable+"=fulldisk", "FULL_DIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	// The state is whole: the next host goes on with it.
	h := open(t, Config{Dir: dir})
	if all := runtimeOf(t, h).untilReady(2); all[0].Release == all[1].Release {
		t.Errorf("%+v", all)
	}
}

// fullDisk is a program: a host that meets a full disk.
func fullDisk() {
	signal.Ignore(syscall.SIGXFSZ)
	if err := meetFullDisk(context.Background(), os.Getenv("FULL_DIR")); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func meetFullDisk(ctx context.Context, dir string) error {
	h, err := Open(ctx, Config{Dir: dir})
	if err != nil {
		return err
	}
	r := h.Environment("shop", "test")
	releases := churnReleases()
	size := davit.Size{"web": 1}
	if err := r.Declare(ctx, releases[0], size); err != nil {
		return err
	}
	if err := until(ctx, r, func(all []davit.Instance) bool { return are(all, 1, davit.Ready) }); err != nil {
		return err
	}
	before, err := listing(dir)
	if err != nil {
		return err
	}

	if err := limitFiles(0); err != nil {
		return err
	}
	if err := r.Declare(ctx, releases[1], size); davit.ErrorCode(err) != davit.CodeUnavailable {
		return fmt.Errorf("declaring on a full disk: %w", err)
	}
	if _, err := r.Pin(ctx, davit.Service{Artifact: "/etc/passwd"}); davit.ErrorCode(err) != davit.CodeUnavailable {
		return fmt.Errorf("pinning on a full disk: %w", err)
	}
	if after, err := listing(dir); err != nil || after != before {
		return fmt.Errorf("a full disk left\n%s\nof\n%s: %w", after, before, err)
	}
	all, err := r.Instances(ctx)
	if err != nil || !are(all, 1, davit.Ready) {
		return fmt.Errorf("instances on a full disk are %+v: %w", all, err)
	}
	p, err := openProcess(h.instances[all[0].ID].record().Process)
	if err != nil {
		return err
	}
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	if err := until(ctx, r, func(all []davit.Instance) bool {
		return are(all, 1, davit.Starting) && strings.Contains(all[0].Reason, "the disk takes no more")
	}); err != nil {
		return err
	}

	if err := limitFiles(1 << 40); err != nil {
		return err
	}
	if err := r.Declare(ctx, releases[1], size); err != nil {
		return fmt.Errorf("declaring when there is room again: %w", err)
	}
	if err := until(ctx, r, func(all []davit.Instance) bool { return are(all, 2, davit.Ready) }); err != nil {
		return err
	}
	return h.Close()
}

func limitFiles(size uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	limit.Cur = min(size, limit.Max)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
}

// listing names all files below dir.
func listing(dir string) (string, error) {
	var all []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		all = append(all, path)
		return err
	})
	return strings.Join(all, "\n"), err
}

func until(ctx context.Context, r *Runtime, wanted func([]davit.Instance) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	changed := r.Watch(ctx)
	for {
		all, err := r.Instances(context.WithoutCancel(ctx))
		if err != nil || wanted(all) {
			return err
		}
		if _, open := <-changed; !open {
			return errors.Join(ctx.Err(), fmt.Errorf("the instances are %+v", all))
		}
	}
}
