package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The bounds of an artifact.
const (
	artifactBytes   = 8 << 30
	artifactEntries = 200_000
)

// tree walks an artifact in a fixed order, hashes it, and copies it if asked.
type tree struct {
	ctx     context.Context //nolint:containedctx // lives for one walk
	source  string
	root    *os.Root
	dest    string // "" only hashes
	sum     hash.Hash
	bytes   int64
	entries int
}

// copyTree returns the digest of the file or folder at source, and copies it to
// dest unless that is "". A file's digest is the SHA-256 of its bytes. A
// folder's is the SHA-256 over a line for each entry: what it is, its path, and
// the digest of its bytes or the target of the link. Of a file's mode only
// counts, and is kept, whether it may be executed.
func copyTree(ctx context.Context, source, dest string) (string, error) {
	info, err := os.Lstat(source)
	if err != nil {
		return "", err //nolint:wrapcheck // it names the path
	}
	t := &tree{ctx: ctx, source: source, dest: dest, sum: sha256.New()}
	folder := source
	if !info.IsDir() {
		folder = filepath.Dir(source)
	}
	if t.root, err = os.OpenRoot(folder); err != nil {
		return "", err //nolint:wrapcheck // as above
	}
	defer func() { _ = t.root.Close() }() // only read
	if !info.IsDir() {
		sum, err := t.file(filepath.Base(source), dest, info)
		return digestPrefix + sum, err
	}
	if err := filepath.WalkDir(source, t.entry); err != nil {
		return "", err //nolint:wrapcheck // entry wraps
	}
	return digestPrefix + hex.EncodeToString(t.sum.Sum(nil)), nil
}

// entry hashes and copies one entry of a folder; it is a fs.WalkDirFunc.
func (t *tree) entry(path string, d fs.DirEntry, err error) error {
	if err = errors.Join(err, t.ctx.Err()); err != nil {
		return err
	}
	if t.entries++; t.entries > artifactEntries {
		return fmt.Errorf("it has more than %d entries", artifactEntries)
	}
	name, err := filepath.Rel(t.source, path)
	if err != nil {
		return fmt.Errorf("naming an entry: %w", err)
	}
	info, err := d.Info()
	if err != nil {
		return fmt.Errorf("looking at %s: %w", name, err)
	}
	dest := ""
	if t.dest != "" {
		dest = filepath.Join(t.dest, name)
	}
	var kind, content string
	switch mode := info.Mode(); {
	case mode.IsDir():
		kind = "dir"
		if dest != "" {
			err = os.Mkdir(dest, 0o755) //nolint:gosec // instances may run as another user
		}
	case mode&fs.ModeSymlink != 0:
		kind = "link"
		content, err = t.link(name, dest)
	case mode.IsRegular():
		if kind = "file"; mode&0o111 != 0 {
			kind = "exec"
		}
		content, err = t.file(name, dest, info)
	default:
		err = errors.New("it is neither a file, a folder nor a link")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(t.sum, "%s %q %q\n", kind, filepath.ToSlash(name), content)
	return nil
}

// link copies a symbolic link that stays inside the artifact, and returns its
// target.
func (t *tree) link(name, dest string) (string, error) {
	target, err := t.root.Readlink(name)
	if err != nil {
		return "", err //nolint:wrapcheck // it names the link
	}
	inside := filepath.IsLocal(filepath.Join(filepath.Dir(name), target)) && !filepath.IsAbs(target)
	if inside {
		// The path may be inside by its words and still lead out over another
		// link. A link to nothing leads nowhere.
		if real, err := filepath.EvalSymlinks(filepath.Join(t.source, name)); err == nil {
			rel, err := filepath.Rel(t.source, real)
			inside = err == nil && filepath.IsLocal(rel)
		}
	}
	if !inside {
		return "", fmt.Errorf("the link to %s leads out of the artifact", target)
	}
	if dest != "" {
		err = os.Symlink(target, dest)
	}
	return target, err //nolint:wrapcheck // it names the link
}

// file copies a file and returns the digest of its bytes.
func (t *tree) file(name, dest string, info fs.FileInfo) (string, error) {
	in, err := t.root.Open(name)
	if err != nil {
		return "", err //nolint:wrapcheck // it names the file
	}
	defer func() { _ = in.Close() }() // only read
	if opened, err := in.Stat(); err != nil || !opened.Mode().IsRegular() {
		return "", errors.Join(errors.New("it is not a regular file any more"), err)
	}
	sum := sha256.New()
	var sink io.Writer = sum
	var out *os.File
	if dest != "" {
		mode := fs.FileMode(0o444)
		if info.Mode()&0o111 != 0 {
			mode = 0o555
		}
		if out, err = os.OpenFile(dest, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode); err != nil { //nolint:gosec // under the store
			return "", err //nolint:wrapcheck // as above
		}
		sink = io.MultiWriter(sum, out)
	}
	n, err := io.Copy(sink, io.LimitReader(contextReader{t.ctx, in}, artifactBytes-t.bytes+1))
	if t.bytes += n; t.bytes > artifactBytes {
		err = errors.Join(err, fmt.Errorf("the artifact is larger than %d bytes", int64(artifactBytes)))
	}
	if out != nil {
		err = errors.Join(err, out.Close())
	}
	return hex.EncodeToString(sum.Sum(nil)), err
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context //nolint:containedctx // lives for one copy
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err //nolint:wrapcheck // the caller's own
	}
	return r.Reader.Read(p) //nolint:wrapcheck // io.EOF must stay itself
}
