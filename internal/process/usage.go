package process

import (
	"os"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

const (
	// ticksPerSecond is the unit of CPU times in /proc, which Linux fixed for
	// all of Go's architectures.
	ticksPerSecond = 100
	usageAge       = time.Second
)

// usages reads what sessions use. One reading serves all instances for a while.
type usages struct {
	now func() time.Time

	mu   sync.Mutex
	at   time.Time
	last usage
}

// usage is a reading of /proc, by session.
type usage map[int]sessionUsage

type sessionUsage struct {
	davit.Usage
	leader uint64 // its start; 0 when it has ended
}

// read returns a reading that covers the given sessions at least.
func (u *usages) read(sessions map[int]bool) (usage, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if now := u.now(); !covers(u.last, sessions) || now.Sub(u.at) >= usageAge {
		read, err := readUsage(sessions)
		if err != nil {
			return nil, err
		}
		u.last, u.at = read, now
	}
	return u.last, nil
}

// of returns the usage of the session that a process leads.
func (u usage) of(leader identity) davit.Usage {
	if s := u[leader.PID]; leader.PID > 0 && s.leader == leader.Start {
		return s.Usage
	}
	return davit.Usage{}
}

func covers(u usage, sessions map[int]bool) bool {
	for id := range sessions {
		if _, known := u[id]; !known {
			return false
		}
	}
	return true
}

func readUsage(sessions map[int]bool) (usage, error) {
	all, err := pids()
	if err != nil {
		return nil, err
	}
	read := usage{}
	for id := range sessions {
		read[id] = sessionUsage{}
	}
	for _, pid := range all {
		s, err := readStat(pid)
		if err != nil || s.dead() || !sessions[s.session] {
			continue
		}
		sum := read[s.session]
		if pid == s.session {
			sum.leader = s.start
		}
		sum.MemoryBytes += s.pages * int64(os.Getpagesize())
		sum.CPU += davit.Duration(time.Duration(s.ticks) * time.Second / ticksPerSecond)
		if files, err := os.ReadDir(procPath(pid, "fd")); err == nil { // of another user's it is not known
			sum.OpenFiles += len(files)
		}
		read[s.session] = sum
	}
	return read, nil
}
