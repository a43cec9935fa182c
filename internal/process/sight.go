package process

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// sight is what can be seen of a running process from outside.
type sight struct {
	user     string // its number
	artifact string // digest of the artifact that its program is in
}

// see looks at a process. What cannot be seen, such as of another user's, stays
// empty.
func (s *store) see(leader identity) sight {
	var seen sight
	if leader.PID <= 0 {
		return seen
	}
	info, err := os.Stat(procPath(leader.PID, "."))
	program, linkErr := os.Readlink(procPath(leader.PID, "exe"))
	// The start time is read last: had the number changed hands, it would show.
	if now, statErr := readStat(leader.PID); statErr != nil || now.start != leader.Start {
		return seen
	}
	if owner, ok := statOf(info, err); ok {
		seen.user = strconv.FormatUint(uint64(owner.Uid), 10)
	}
	dir, err := filepath.EvalSymlinks(s.dir)
	if err != nil || linkErr != nil {
		return seen
	}
	if inside, err := filepath.Rel(dir, program); err == nil && filepath.IsLocal(inside) {
		digest, _, _ := strings.Cut(inside, string(filepath.Separator))
		seen.artifact = digestPrefix + digest
	}
	return seen
}

func statOf(info os.FileInfo, err error) (*syscall.Stat_t, bool) {
	if err != nil {
		return nil, false
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	return s, ok
}
