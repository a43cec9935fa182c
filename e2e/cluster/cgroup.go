//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const (
	cgroups     = "/sys/fs/cgroup"
	groupPrefix = "davit-cluster-"
)

// group is the control group that the pods of one cluster live below: a folder
// of one name in each hierarchy of the machine. The first process of the cluster
// holds a lock on the first of them, so that one without is known to be left over.
type group struct {
	name        string
	hierarchies []string
	lock        *os.File
}

// newGroup removes the groups that earlier clusters left, and makes one.
func newGroup(ctx context.Context) (*group, error) {
	hierarchies, err := findHierarchies()
	if err != nil {
		return nil, fmt.Errorf("looking for the control groups of this machine: %w", err)
	}
	if err := sweep(ctx, hierarchies); err != nil {
		return nil, err
	}
	lock, err := lockedFolder(hierarchies[0])
	if err != nil {
		return nil, fmt.Errorf("making a control group, which takes root: %w", err)
	}
	g := &group{name: filepath.Base(lock.Name()), hierarchies: hierarchies, lock: lock}
	for _, h := range hierarchies {
		if err := os.MkdirAll(filepath.Join(h, g.name), 0o755); err != nil { //nolint:gosec // as all control groups are
			return nil, fmt.Errorf("making a control group: %w", err)
		}
		if err := inheritProcessors(h, g.name); err != nil {
			return nil, fmt.Errorf("giving a control group its processors: %w", err)
		}
		if err := weigh(h, g.name); err != nil {
			return nil, fmt.Errorf("giving a control group its weight: %w", err)
		}
	}
	return g, nil
}

// weigh has the pods together weigh as much as sixteen processes. Those of a cluster in
// use share their processors with no control plane, no load generator and no compiler;
// here all of these would come first, as the group by itself weighs as much as one.
func weigh(hierarchy, name string) error {
	for file, weight := range map[string]string{"cpu.shares": "16384", "cpu.weight": "1600"} { // v1 and v2
		path := filepath.Join(hierarchy, name, file)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue // another controller, or the other version
		}
		if err := os.WriteFile(path, []byte(weight), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// lockedFolder makes a folder of a new name and takes its lock. One that is
// swept away between the two is not missed.
func lockedFolder(hierarchy string) (*os.File, error) {
	for {
		dir, err := os.MkdirTemp(hierarchy, groupPrefix)
		if err != nil {
			return nil, err
		}
		if lock, err := lockFolder(dir); err == nil {
			return lock, nil
		}
	}
}

// findHierarchies returns the folder of cgroup v2; or with v1 those of its
// controllers, of which several may be links to one, and of a v2 beside them.
func findHierarchies() ([]string, error) {
	if _, err := os.Stat(filepath.Join(cgroups, "cgroup.controllers")); err == nil {
		return []string{cgroups}, nil
	}
	entries, err := os.ReadDir(cgroups)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		if e.IsDir() {
			all = append(all, filepath.Join(cgroups, e.Name()))
		}
	}
	if len(all) == 0 {
		return nil, errors.New("there are none in " + cgroups)
	}
	return all, nil
}

// inheritProcessors lets a group of the v1 controller cpuset use what its
// parent may: a new one may use nothing.
func inheritProcessors(hierarchy, name string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		data, err := os.ReadFile(filepath.Join(hierarchy, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue // another controller, or v2
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(hierarchy, name, file), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// sweep removes the groups that no process holds the lock of.
func sweep(ctx context.Context, hierarchies []string) error {
	left, err := filepath.Glob(filepath.Join(hierarchies[0], groupPrefix+"*"))
	if err != nil {
		return err
	}
	for _, dir := range left {
		lock, err := lockFolder(dir)
		if err != nil {
			continue // it lives, or went away just now
		}
		old := &group{name: filepath.Base(dir), hierarchies: hierarchies, lock: lock}
		if err := old.remove(ctx); err != nil {
			return err
		}
	}
	return nil
}

// remove removes the group and those that the kubelet made below it. The folder
// with the lock goes last.
func (g *group) remove(ctx context.Context) error {
	defer g.lock.Close() //nolint:errcheck // nothing was written
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for _, h := range slices.Backward(g.hierarchies) {
		// The last processes may be ending just now.
		err := until(ctx, func(context.Context) error { return removeGroups(filepath.Join(h, g.name)) })
		if err != nil {
			return fmt.Errorf("removing a control group: %w", err)
		}
	}
	return nil
}

// removeGroups removes a control group and all below it. The files in there go
// with their folder.
func removeGroups(root string) error {
	var folders []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			folders = append(folders, path)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) && len(folders) == 0 {
		return nil
	}
	for _, folder := range slices.Backward(folders) {
		err = errors.Join(err, syscall.Rmdir(folder))
	}
	return err
}

// lockFolder takes the lock of a folder, which holds until the last process that
// has the file open is gone. It fails when somebody else has it.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { //nolint:gosec // a descriptor is an int
		return nil, errors.Join(fmt.Errorf("locking %s: %w", dir, err), f.Close())
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, errors.Join(err, f.Close()) // removed before it was locked
	}
	return f, nil
}

// until asks until the answer is nil, or returns the last one when ctx ends.
func until(ctx context.Context, ask func(context.Context) error) error {
	const period = 50 * time.Millisecond
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-ticker.C:
		}
	}
}
