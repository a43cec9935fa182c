package hook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/davit-dev/davit"
)

// inherited are the variables that a command has of the server.
var inherited = [...]string{"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR"}

// run runs a command in a process group of its own. When the context ends, the
// group gets SIGTERM, and SIGKILL if it does not heed it; nothing of it is left
// when this returns.
func (r *Runner) run(ctx context.Context, p davit.HookParams, o Occasion, secrets known, out *tail, result *Result) error {
	if err := endEarlier(ctx, o.ID); err != nil {
		return err
	}
	program, env, err := r.prepare(p, o, secrets)
	if err != nil {
		return permanent{err}
	}
	cmd := exec.CommandContext(ctx, program, p.Run[1:]...)
	cmd.Args[0] = p.Run[0]
	cmd.Dir, cmd.Env = p.Dir, env
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = davit.HookGrace
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return permanent{fmt.Errorf("starting it: %w", err)}
	}
	err = cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left behind; there may be nothing
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		result.Exit = &code
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil || errors.Is(err, exec.ErrWaitDelay): // a child that it left held the output open
		return nil
	}
	return err
}

// prepare returns the program to run and its environment. A variable of the
// user's wins over an inherited one; what Davit says wins over all.
func (r *Runner) prepare(p davit.HookParams, o Occasion, secrets known) (program string, env []string, err error) {
	if info, err := os.Stat(p.Dir); err != nil || !info.IsDir() {
		return "", nil, &davit.Error{
			Code: davit.CodeUnavailable, Message: fmt.Sprintf("the folder %s of hook %s is not on the server's machine", p.Dir, p.Hook),
			Hint: "set dir: to one that is, and run: to an absolute path",
		}
	}
	all := map[string]string{}
	for _, name := range inherited {
		if value, ok := r.Lookup(name); ok {
			all[name] = value
		}
	}
	maps.Copy(all, p.Env)
	maps.Copy(all, secrets.variables)
	maps.Copy(all, o.variables())
	for _, name := range slices.Sorted(maps.Keys(all)) {
		// What people write may hold a zero byte, and a variable cannot.
		env = append(env, name+"="+strings.ReplaceAll(all[name], "\x00", ""))
	}
	program, err = find(p.Run[0], p.Dir, all["PATH"])
	return program, env, err
}

// find returns the path of a program: an absolute path, one relative to dir, or
// a name on the search path.
func find(name, dir, searchPath string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	if strings.Contains(name, "/") {
		return filepath.Join(dir, name), nil
	}
	for _, folder := range filepath.SplitList(searchPath) {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); filepath.IsAbs(path) && err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not on the PATH: %w", name, exec.ErrNotFound)
}
