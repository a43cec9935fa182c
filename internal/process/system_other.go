//go:build !linux

package process

import (
	"context"
	"errors"
	"os"
	"runtime"
	"syscall"

	"github.com/davit-dev/davit"
)

// What needs Linux. Open refuses before any of it is reached.

func supported() error {
	return &davit.Error{
		Code: davit.CodeUnsupported, Message: "the process platform supervises with what only Linux has, and this is " + runtime.GOOS,
		Hint: "run davit serve on Linux, or use the docker or kubernetes platform",
	}
}

var errGone = errors.ErrUnsupported

type process struct{ id identity }

type command struct {
	path      string
	argv, env []string
	dir       string
	output    *os.File
	openFiles int64
}

func spawn(command, string) (*process, error)  { return nil, errors.ErrUnsupported }
func openProcess(identity) (*process, error)   { return nil, errors.ErrUnsupported }
func (p *process) signal(syscall.Signal) error { return errors.ErrUnsupported }
func (p *process) wait(context.Context) error  { return errors.ErrUnsupported }
func (p *process) reap() exitStatus            { return exitStatus{} }
func (p *process) close()                      {}
func collapse(*os.File, int64) error           { return errors.ErrUnsupported }
func flock(*os.File) (busy bool, err error)    { return false, errors.ErrUnsupported }
func syncTree(string) error                    { return errors.ErrUnsupported }
func newFolderWatch() (*folderWatch, error)    { return nil, errors.ErrUnsupported }

type folderWatch struct{}

func (w *folderWatch) add(string) error         { return errors.ErrUnsupported }
func (w *folderWatch) run(wake chan<- struct{}) {}
func (w *folderWatch) close()                   {}
