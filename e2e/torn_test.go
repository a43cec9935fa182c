//go:build e2e && linux

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestTornStoreIsRestored overwrites the last page of a store that a server left
// when it was killed. The next server refuses it and leaves everything serving;
// a backup brings it back.
func TestTornStoreIsRestored(t *testing.T) {
	m := serving(t)
	m.must(0, "deploy", "staging", "v1")
	backup := filepath.Join(m.dir, "backup.db")
	m.must(0, "backup", backup)
	m.under(100, func() {
		m.kill(syscall.SIGKILL)
		store := filepath.Join(m.state, "davit.db")
		// The write-ahead log is carried over first, so that the page is one that
		// nothing will write again.
		m.serve()
		m.kill(syscall.SIGTERM)
		m.tear(store)
		r := m.must(4, "serve")
		if !strings.Contains(r.stderr, "damaged") || !strings.Contains(r.stderr, "restore") {
			t.Errorf("the server said:\n%s", r.stderr)
		}
		m.must(0, "restore", backup, "--reason", "the last page was torn")
		m.serve()
	})
	m.whole()
	if s := m.status("staging"); s.Environment.Stable.Short() != "v1" {
		t.Errorf("after the restore %s is stable", s.Environment.Stable)
	}
	m.verifyAudit()
}

// tear overwrites the second half of the last page that is in use.
func (m *machine) tear(path string) {
	m.Helper()
	const page = 4096
	data, err := os.ReadFile(path)
	if err != nil {
		m.Fatal(err)
	}
	last := data[len(data)-page:]
	if bytes.Equal(last, make([]byte, page)) {
		m.Fatal("the last page is empty")
	}
	copy(last[page/2:], bytes.Repeat([]byte{0xA5}, page/2))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		m.Fatal(err)
	}
}
