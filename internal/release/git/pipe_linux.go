package git

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// pipeBytes is what a pipe may hold, so that git need not wait for its reader
// every 64 KiB. It is what Linux allows everybody by default.
const pipeBytes = 1 << 20

// widen lets a pipe hold more, where that can be had.
func widen(pipe io.Reader) {
	f, ok := pipe.(*os.File)
	if !ok {
		return
	}
	if raw, err := f.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeBytes) // a narrow pipe is slower, nothing else
		})
	}
}
