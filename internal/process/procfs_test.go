package process

import (
	"os"
	"strings"
	"testing"
)

func TestParseStat(t *testing.T) {
	const rest = " 1 77 78 0 -1 4194560 10 0 0 0 11 12 13 14 20 0 3 0 987654321 1000000 2500 18446744073709551615"
	for _, comm := range []string{"web", "a b", "x) R 1 (", "", ")"} {
		got, err := parseStat([]byte("42 (" + comm + ") S" + rest))
		if want := (stat{state: 'S', session: 78, ticks: 50, start: 987654321, pages: 2500}); err != nil || got != want {
			t.Errorf("%q: got %+v, %v", comm, got, err)
		}
	}
	for _, line := range []string{"", "42", "42 (x) S 1", "42 (x) S" + strings.Replace(rest, "78", "x", 1)} {
		if got, err := parseStat([]byte(line)); err == nil {
			t.Errorf("%q is %+v", line, got)
		}
	}
	if s, err := readStat(os.Getpid()); err != nil || s.start == 0 || s.dead() || s.pages == 0 {
		t.Errorf("this process is %+v, %v", s, err)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("1 (systemd) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9 10 11 12"))
	f.Add([]byte("1 (a) b) Z"))
	f.Fuzz(func(_ *testing.T, line []byte) { _, _ = parseStat(line) })
}
