package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// identity names one process for ever: a pid is used again, a pid with its
// start time within one boot is not.
type identity struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since boot
	Boot  string `json:"boot"`
}

// stat is what /proc/PID/stat tells of a process.
type stat struct {
	state   byte
	session int
	ticks   int64 // of CPU: its own and of those children it waited for
	start   uint64
	pages   int64 // resident
}

// dead reports whether the process has ended and only waits to be reaped.
func (s stat) dead() bool { return s.state == 'Z' || s.state == 'X' }

// parseStat reads a line of /proc/PID/stat. The second field is the program's
// own choice and may hold blanks and parentheses, so fields count from the last
// parenthesis.
func parseStat(line []byte) (stat, error) {
	_, rest, ok := bytes.Cut(line[max(bytes.LastIndexByte(line, ')'), 0):], []byte(")"))
	fields := strings.Fields(string(rest))
	if !ok || len(fields) < 22 {
		return stat{}, errors.New("reading a process's stat: too few fields")
	}
	var failure error
	number := func(index int) int64 {
		n, err := strconv.ParseInt(fields[index], 10, 64)
		failure = errors.Join(failure, err)
		return n
	}
	s := stat{
		state: fields[0][0], session: int(number(3)), pages: number(21),
		ticks: number(11) + number(12) + number(13) + number(14),
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	s.start = start
	if err = errors.Join(failure, err); err != nil {
		return stat{}, fmt.Errorf("reading a process's stat: %w", err)
	}
	return s, nil
}

func readStat(pid int) (stat, error) {
	line, err := os.ReadFile(procPath(pid, "stat"))
	if err != nil {
		return stat{}, fmt.Errorf("looking at process %d: %w", pid, err)
	}
	return parseStat(line)
}

// environ returns the environment that a process was started with; none for
// one that has ended or belongs to somebody else.
func environ(pid int) []string {
	data, err := os.ReadFile(procPath(pid, "environ"))
	if err != nil || len(data) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
}

// pids lists all processes.
func pids() ([]int, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	names, err := dir.Readdirnames(-1)
	if err = errors.Join(err, dir.Close()); err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var all []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			all = append(all, pid)
		}
	}
	return all, nil
}

// bootID tells one boot of the machine from another.
func bootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("reading the boot's ID: %w", err)
	}
	return strings.TrimSpace(string(id)), nil
}

func procPath(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}
