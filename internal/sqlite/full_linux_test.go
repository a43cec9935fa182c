package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFullDisk fills a small disk with something else, bit by bit, so that the
// store meets its end in many places, creation among them. Who may not mount a
// disk has TestFullFile, which does the same with another limit.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=1m")
	if errors.Is(err, syscall.EPERM) {
		t.Log("no right to mount a disk")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	filler := filepath.Join(disk, "filler")
	for free := int64(0); free < 500_000; free += 16_384 {
		dir := filepath.Join(disk, fmt.Sprint(free))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := auditKey(dir); err != nil {
			t.Fatal(err)
		}
		fill(t, filler, free)
		if err := meetTheEnd(t.Context(), dir, func() error { return os.Remove(filler) }); err != nil {
			t.Fatalf("with %d bytes free: %v", free, err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// fill takes all the room of a disk but some.
func fill(t *testing.T, path string, free int64) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600) //nolint:gosec // a test's own
	if err != nil {
		t.Fatal(err)
	}
	var size int64
	for chunk := make([]byte, 4096); err == nil; {
		var n int
		n, err = file.Write(chunk)
		size += int64(n)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := errors.Join(file.Truncate(max(size-free, 0)), file.Close()); err != nil {
		t.Fatal(err)
	}
}
