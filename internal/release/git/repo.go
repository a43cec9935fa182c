// Package git reads and changes repositories with git itself. Reading history
// takes one process that streams; nothing is ever passed through a shell.
package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/davit-dev/davit"
)

// Repo is a repository with a working tree.
type Repo struct {
	Root    string // of the working tree
	Shallow bool   // history is cut off
	Branch  string // "" when HEAD is detached
	Head    string // the commit that HEAD was; "" before the first
	// SHA256 is whether hashes have 64 digits.
	SHA256 bool

	waiting *logProcess // started before it was known what to leave out
}

// Open finds the repository that dir is in.
func Open(ctx context.Context, dir string) (*Repo, error) {
	r := &Repo{Root: dir}
	args := []string{"rev-parse", "--show-toplevel", "--is-shallow-repository", "--show-object-format"}
	out, err := r.Run(ctx, append(args, "HEAD", "--symbolic-full-name", "HEAD")...)
	if err != nil { // before the first commit HEAD names nothing
		out, err = r.Run(ctx, args...)
		out += "\nHEAD\n"
	}
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, &davit.Error{Code: davit.CodeUnsupported, Message: "git is not installed", Hint: "install git 2.30 or later", Err: err}
		}
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: dir + " is in no git repository with a working tree", Hint: "run this inside a clone", Err: err}
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	n := len(lines)
	if n < 5 {
		return nil, fmt.Errorf("asking git where the repository is: it answered %q", out)
	}
	// A folder's name may hold line ends; the other answers do not.
	r.Root = filepath.FromSlash(strings.Join(lines[:n-4], "\n"))
	r.Shallow, r.SHA256 = lines[n-4] == "true", lines[n-3] == "sha256"
	r.Head = lines[n-2]
	if branch, ok := strings.CutPrefix(lines[n-1], "refs/heads/"); ok {
		r.Branch = branch
	}
	return r, nil
}

// Error is what git said on standard error when it failed.
type Error struct {
	Command string
	Stderr  string
	Err     error
}

// Error returns git's words.
func (e *Error) Error() string {
	said := strings.TrimSpace(e.Stderr)
	if said == "" {
		said = e.Err.Error()
	}
	return "git " + e.Command + ": " + said
}

// Unwrap returns the error of the process.
func (e *Error) Unwrap() error { return e.Err }

// Run runs git and returns its standard output.
func (r *Repo) Run(ctx context.Context, args ...string) (string, error) {
	return r.RunInput(ctx, nil, nil, args...)
}

// RunInput is Run with standard input and further environment variables.
func (r *Repo) RunInput(ctx context.Context, input []byte, env []string, args ...string) (string, error) {
	var stdout []byte
	err := r.stream(ctx, input, env, func(pipe io.Reader) (err error) {
		stdout, err = io.ReadAll(pipe)
		return err
	}, args...)
	return string(stdout), err
}

// stream is RunInput, with standard output read while git prints.
func (r *Repo) stream(ctx context.Context, input []byte, env []string, read func(io.Reader) error, args ...string) error {
	cmd := r.command(ctx, args...)
	cmd.Env = append(cmd.Env, env...)
	if input != nil {
		cmd.Stdin = bytes.NewReader(input)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return &Error{args[0], "", err}
	}
	widen(pipe)
	err = read(pipe)
	_, _ = io.Copy(io.Discard, pipe) // git waits for its reader
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return &Error{args[0], stderr.String(), err}
	}
	return nil
}

// command returns a git process that no setting of the user's can make speak
// otherwise, page, prompt, or start an editor.
func (r *Repo) command(ctx context.Context, args ...string) *exec.Cmd {
	settings := []string{
		"--no-pager", "--literal-pathspecs", "-C", r.Root,
		"-c", "log.showSignature=false", "-c", "core.quotePath=false", "-c", "color.ui=false", "-c", "advice.detachedHead=false",
	}
	cmd := exec.CommandContext(ctx, "git", append(settings, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_EDITOR=:", "GIT_PAGER=cat", "GIT_OPTIONAL_LOCKS=0", "GIT_FLUSH=0")
	return cmd
}

// ExitCode returns the exit code of the git process that err tells of, -1 when
// it tells of none.
func ExitCode(err error) int {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	return -1
}
