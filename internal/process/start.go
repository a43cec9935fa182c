package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/davit-dev/davit"
)

// start starts the instance's program. The record is written before, so that
// whoever finds the process knows what it belongs to, and after, so that it is
// adopted.
func (i *instance) start(ctx context.Context) (*process, error) {
	first := i.record()
	if err := i.prepare(ctx); err != nil {
		return nil, err
	}
	rec := i.record()
	artifact := i.host.store.path(i.release.Artifacts[rec.Service])
	around, err := i.host.surround(rec, i.release, artifact)
	if err != nil {
		return nil, err
	}
	env := around.list()
	i.know(env)
	path, err := program(i.service, i.service.Command[0], artifact, value(env, "PATH"))
	if err != nil {
		return nil, err
	}
	argv := make([]string, len(i.service.Command))
	for n, argument := range i.service.Command {
		argv[n] = around.expand(argument)
	}
	output, err := i.log.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = output.Close() }() // the process has its own
	p, err := spawn(command{
		path: path, argv: argv, env: env, dir: i.work(), output: output, openFiles: i.service.Resources.OpenFiles,
	}, i.host.boot)
	if err != nil {
		return nil, err
	}
	i.note(ctx, func(r *record) {
		r.Process, r.StartedAt = p.id, i.host.config.Now()
		if !first.StartedAt.IsZero() {
			r.Restarts++
		}
	})
	return p, nil
}

func (i *instance) work() string { return filepath.Join(i.dir, "work") }

// prepare makes the instance's folder, files, port and record.
func (i *instance) prepare(ctx context.Context) error {
	if i.release == nil {
		return errors.New("its release is not known any more")
	}
	if err := os.MkdirAll(i.work(), 0o700); err != nil {
		return fmt.Errorf("making the folder of an instance: %w", diskError(err))
	}
	rec := i.record()
	if err := rec.write(i.dir); err != nil {
		return err
	}
	port := i.service.Port
	var err error
	switch {
	case port > 0:
		err = i.host.ports.claim(ctx, rec.ID, port)
	case rec.Port > 0 && (rec.Proven || free(ctx, rec.Port) == nil):
		port = rec.Port
	default: // none yet, or another program was quicker to listen on it
		i.host.ports.release(rec.ID, rec.Port)
		port, err = i.host.ports.choose(ctx, rec.ID)
	}
	if err != nil {
		return err
	}
	if err := i.update(func(r *record) { r.Port, r.Ready = port, false }); err != nil {
		return err
	}
	for _, file := range i.service.Files {
		if err := materialize(i.work(), file); err != nil {
			return fmt.Errorf("writing %s: %w", file.Path, diskError(err))
		}
	}
	return nil
}

// materialize writes a file of the service into the working directory, and
// nowhere else, whatever the instance left there.
func materialize(dir string, file davit.File) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err //nolint:wrapcheck // the caller says what for
	}
	defer func() { _ = root.Close() }() // nothing is buffered in it
	mode := fs.FileMode(file.Mode).Perm()
	if mode == 0 {
		mode = 0o644
	}
	if err := root.MkdirAll(filepath.Dir(file.Path), 0o755); err != nil {
		return err //nolint:wrapcheck // as above
	}
	if err := root.Remove(file.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err //nolint:wrapcheck // as above
	}
	if err := root.WriteFile(file.Path, file.Content, mode); err != nil {
		return err //nolint:wrapcheck // as above
	}
	return root.Chmod(file.Path, mode) //nolint:wrapcheck // as above; past the umask
}

// hopeless reports whether another try to start would end the same way: no
// program, no secret.
func hopeless(err error) bool {
	for _, cause := range []error{
		errUnresolved, exec.ErrNotFound, fs.ErrNotExist, fs.ErrPermission, syscall.ENOEXEC, syscall.ENOTDIR, syscall.EISDIR, syscall.ELOOP, syscall.E2BIG, syscall.EINVAL,
	} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}
