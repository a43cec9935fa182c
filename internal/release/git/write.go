package git

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Identity returns an error when git does not know who commits.
func (r *Repo) Identity(ctx context.Context) error {
	_, err := r.Run(ctx, "var", "GIT_COMMITTER_IDENT")
	return err
}

// Config returns a setting, "" when it is not set.
func (r *Repo) Config(ctx context.Context, key string) (string, error) {
	out, err := r.Run(ctx, "config", "--get", key)
	if err != nil && ExitCode(err) != 1 {
		return "", err
	}
	return strings.TrimSpace(out), nil
}

// ReadHead returns the commit that HEAD is now, "" in a repository without commits.
func (r *Repo) ReadHead(ctx context.Context) (string, error) {
	out, err := r.Run(ctx, "rev-parse", "-q", "--verify", "HEAD^{commit}")
	if err != nil && ExitCode(err) != 1 {
		return "", err
	}
	return strings.TrimSpace(out), nil
}

// Dirty lists the tracked paths whose content or index differs from HEAD.
func (r *Repo) Dirty(ctx context.Context) ([]string, error) {
	out, err := r.Run(ctx, "status", "--porcelain=v1", "-z", "--untracked-files=no", "--no-renames")
	if err != nil {
		return nil, err
	}
	var paths []string
	for entry := range strings.SplitSeq(out, "\x00") {
		if len(entry) > 3 {
			paths = append(paths, entry[3:])
		}
	}
	return paths, nil
}

// Show returns a file as a commit has it; nil when it has none there.
func (r *Repo) Show(ctx context.Context, commit, path string) ([]byte, error) {
	out, err := r.RunInput(ctx, []byte(commit+":"+path+"\n"), nil, "cat-file", "--batch")
	if err != nil {
		return nil, err
	}
	head, content, _ := strings.Cut(out, "\n")
	if fields := strings.Fields(head); len(fields) != 3 || fields[1] != "blob" || strings.ContainsAny(path, "\n") {
		return nil, nil
	}
	return []byte(strings.TrimSuffix(content, "\n")), nil
}

// Changed lists the files that a commit changes against its first parent.
func (r *Repo) Changed(ctx context.Context, commit string) ([]string, error) {
	out, err := r.Run(ctx, "log", "-1", "-m", "--first-parent", "--root", "--format=", "--name-only", "--no-renames", "-z", commit, "--")
	if err != nil {
		return nil, err
	}
	return strings.FieldsFunc(out, func(c rune) bool { return c == 0 }), nil
}

// Rewritten reports whether a commit was made again after its author made it,
// as by a rebase or a cherry-pick.
func (r *Repo) Rewritten(ctx context.Context, commit string) (bool, error) {
	out, err := r.Run(ctx, "log", "-1", "--format=%at %ct", commit, "--")
	if err != nil {
		return false, err
	}
	authored, committed, _ := strings.Cut(strings.TrimSpace(out), " ")
	return authored != committed, nil
}

// Containing lists the text files of a commit, in a folder of it or in all,
// that contain a text.
func (r *Repo) Containing(ctx context.Context, commit, text, folder string) ([]string, error) {
	args := []string{"grep", "-z", "-l", "-I", "-F", "-e", text, commit, "--"}
	if folder != "" {
		args = append(args, folder)
	}
	out, err := r.Run(ctx, args...)
	if err != nil && ExitCode(err) != 1 { // 1: there is none
		return nil, err
	}
	var paths []string
	for name := range strings.SplitSeq(out, "\x00") {
		if _, path, ok := strings.Cut(name, ":"); ok {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// Commit commits the paths as they are in the working tree and returns the
// new commit. It is signed when the user's settings say so.
func (r *Repo) Commit(ctx context.Context, message string, paths []string) (string, error) {
	if _, err := r.Run(ctx, append([]string{"add", "-f", "--"}, paths...)...); err != nil {
		return "", err
	}
	args := append([]string{"commit", "-q", "--cleanup=verbatim", "-F", "-", "--only", "--"}, paths...)
	if _, err := r.RunInput(ctx, []byte(message), nil, args...); err != nil {
		return "", err
	}
	return r.ReadHead(ctx)
}

// CommitAside makes a commit on top of parent in which files have other
// content, without touching HEAD, the index or the working tree. The same
// content gives the same commit, as its time is the parent's.
func (r *Repo) CommitAside(ctx context.Context, parent, message string, files map[string][]byte) (string, error) {
	tree, err := r.treeAside(ctx, parent, files, nil)
	if err != nil {
		return "", err
	}
	at, err := r.Run(ctx, "log", "-1", "--format=%cI", parent, "--")
	if err != nil {
		return "", err
	}
	at = strings.TrimSpace(at)
	args := []string{"commit-tree", tree, "-p", parent}
	if sign, err := r.Config(ctx, "commit.gpgSign"); err == nil && sign == "true" {
		args = append(args, "-S")
	}
	commit, err := r.RunInput(ctx, []byte(message), []string{"GIT_AUTHOR_DATE=" + at, "GIT_COMMITTER_DATE=" + at}, args...)
	return strings.TrimSpace(commit), err
}

// Diff returns what changes in a commit when files have other content. It
// leaves no object behind.
func (r *Repo) Diff(ctx context.Context, commit string, files map[string][]byte) (diff string, err error) {
	objects, err := r.Run(ctx, "rev-parse", "--git-path", "objects")
	if err != nil {
		return "", err
	}
	objects = strings.TrimSuffix(objects, "\n")
	if !filepath.IsAbs(objects) {
		objects = filepath.Join(r.Root, objects)
	}
	dir, err := os.MkdirTemp("", "davit-objects-")
	if err != nil {
		return "", fmt.Errorf("making a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	env := []string{"GIT_OBJECT_DIRECTORY=" + dir, "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + objects}
	tree, err := r.treeAside(ctx, commit, files, env)
	if err != nil {
		return "", err
	}
	return r.RunInput(ctx, nil, env, "diff", "--no-color", "--no-ext-diff", "--no-textconv", commit, tree, "--")
}

// treeAside writes the tree of a commit in which files have other content.
func (r *Repo) treeAside(ctx context.Context, commit string, files map[string][]byte, env []string) (tree string, err error) {
	dir, err := os.MkdirTemp("", "davit-index-")
	if err != nil {
		return "", fmt.Errorf("making a temporary index: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	env = append([]string{"GIT_INDEX_FILE=" + filepath.Join(dir, "index")}, env...)
	if _, err := r.RunInput(ctx, nil, env, "read-tree", commit); err != nil {
		return "", err
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		blob, err := r.RunInput(ctx, files[path], env, "hash-object", "-w", "--stdin", "--path="+path)
		if err != nil {
			return "", err
		}
		mode := "100644"
		if listed, err := r.RunInput(ctx, nil, env, "ls-files", "-s", "--", path); err == nil && len(listed) > 6 {
			mode = listed[:6]
		}
		entry := fmt.Sprintf("%s %s\t%s\x00", mode, strings.TrimSpace(blob), path)
		if _, err := r.RunInput(ctx, []byte(entry), env, "update-index", "-z", "--index-info"); err != nil {
			return "", err
		}
	}
	tree, err = r.RunInput(ctx, nil, env, "write-tree")
	return strings.TrimSpace(tree), err
}

// Tag makes an annotated tag on a commit. It is signed when the user's
// settings say so (tag.gpgSign).
func (r *Repo) Tag(ctx context.Context, name, commit, message string, force bool) error {
	args := []string{"tag", "-a", "--cleanup=verbatim", "-F", "-"}
	if force {
		args = append(args, "-f")
	}
	_, err := r.RunInput(ctx, []byte(message), nil, append(args, "--", name, commit)...)
	return err
}

// Push pushes references all together or not at all.
func (r *Repo) Push(ctx context.Context, remote string, dryRun bool, refspecs ...string) error {
	args := []string{"push", "--atomic", "--porcelain"}
	if dryRun {
		args = append(args, "--dry-run")
	}
	out, err := r.Run(ctx, append(append(args, "--", remote), refspecs...)...)
	if e, ok := errors.AsType[*Error](err); ok {
		e.Stderr = out + e.Stderr // the reasons of references are on standard output
	}
	return err
}

// Replace moves a branch of a remote to a commit, provided that it still is
// where it was: "" is no branch, as the commit too.
func (r *Repo) Replace(ctx context.Context, remote, branch, was, commit string) error {
	ref := "refs/heads/" + branch
	out, err := r.Run(ctx, "push", "--porcelain", "--force-with-lease="+ref+":"+was, "--", remote, commit+":"+ref)
	if e, ok := errors.AsType[*Error](err); ok {
		e.Stderr = out + e.Stderr // the reasons of references are on standard output
	}
	return err
}

// IsAncestor reports whether the history of descendant holds ancestor. It is
// false when the repository does not have one of them.
func (r *Repo) IsAncestor(ctx context.Context, ancestor, descendant string) bool {
	_, err := r.Run(ctx, "merge-base", "--is-ancestor", ancestor, descendant)
	return err == nil
}
