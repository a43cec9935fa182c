package process

import (
	"fmt"
	"syscall"
)

// exitStatus says how a process ended.
type exitStatus struct {
	syscall.WaitStatus
	known bool
}

// String is the status for people.
func (s exitStatus) String() string {
	switch {
	case !s.known:
		return "an unknown status (it was started by an earlier server)"
	case s.Signaled():
		return "signal " + s.Signal().String()
	default:
		return fmt.Sprintf("exit status %d", s.ExitStatus())
	}
}

// unrunnable reports whether the status is the one by which shells say that
// there was nothing to run.
func (s exitStatus) unrunnable() bool {
	return s.known && s.Exited() && (s.ExitStatus() == 126 || s.ExitStatus() == 127)
}
