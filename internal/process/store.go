package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/davit-dev/davit"
)

// freshlyPinned is how long an artifact stays that nobody asks to keep: its
// release may be about to be made.
const freshlyPinned = time.Hour

// store keeps artifacts under their digests.
type store struct {
	dir string // holds a file or folder per digest, named in hex
	now func() time.Time
}

const digestPrefix = "sha256:"

// path returns where the artifact of a digest lies; "" for no digest.
func (s *store) path(digest string) string {
	if digest == "" {
		return ""
	}
	return filepath.Join(s.dir, strings.TrimPrefix(digest, digestPrefix))
}

// has reports whether the artifact of a digest is there.
func (s *store) has(digest string) bool {
	hex, ok := strings.CutPrefix(digest, digestPrefix)
	if !ok || len(hex) != 64 || strings.Trim(hex, "0123456789abcdef") != "" {
		return false
	}
	_, err := os.Lstat(s.path(digest))
	return err == nil
}

// pin copies the file or folder at source into the store and returns its
// digest. The copy is whole and on disk, or not there.
func (s *store) pin(ctx context.Context, source string) (string, error) {
	real, err := filepath.EvalSymlinks(source)
	if err != nil {
		return "", sourceError(source, err)
	}
	digest, err := copyTree(ctx, real, "")
	if err != nil {
		return "", sourceError(source, err)
	}
	if s.has(digest) {
		now := s.now()
		return digest, os.Chtimes(s.path(digest), now, now) //nolint:wrapcheck // of the host's own file; see prune
	}
	temp, err := os.MkdirTemp(s.dir, ".tmp-*")
	if err != nil {
		return "", diskError(err)
	}
	// The source may have changed since it was hashed, so the digest is taken
	// from what is copied.
	copied := filepath.Join(temp, "artifact")
	digest, err = copyTree(ctx, real, copied)
	if err == nil {
		err = syncTree(copied)
	}
	if err == nil && !s.has(digest) {
		now := s.now()
		err = errors.Join(os.Chtimes(copied, now, now), os.Rename(copied, s.path(digest)), syncDir(s.dir))
	}
	if err = errors.Join(err, os.RemoveAll(temp)); err != nil {
		return "", sourceError(source, err)
	}
	// A process forked while the copy was open for writing holds it open until
	// its exec, and the kernel runs no such file. The fork lock is held until
	// the exec, so after passing it nobody holds the copy.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return digest, nil
}

// prune removes the artifacts that keep does not name and that were not
// pinned lately.
func (s *store) prune(ctx context.Context, keep map[string]bool) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("listing artifacts: %w", err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if ctx.Err() != nil {
			return ctx.Err() //nolint:wrapcheck // the caller's own
		}
		if err != nil || keep[digestPrefix+entry.Name()] || s.now().Sub(info.ModTime()) < freshlyPinned {
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.dir, entry.Name())); err != nil {
			return fmt.Errorf("removing an artifact: %w", err)
		}
	}
	return nil
}

// sourceError says what is wrong with the artifact at source.
func sourceError(source string, err error) error {
	if full := diskError(err); davit.ErrorCode(full) == davit.CodeUnavailable {
		return full
	}
	e := &davit.Error{
		Code: davit.CodeInvalid, Message: fmt.Sprintf("the artifact %s cannot be pinned", source), Err: err,
		Hint: "let artifact name a file or folder that davit serve can read",
	}
	if errors.Is(err, fs.ErrNotExist) {
		e.Hint = "build it first, or correct artifact in davit.yaml"
	}
	return e
}
