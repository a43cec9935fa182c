package process

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

func TestUsage(t *testing.T) {
	now := time.Now()
	h := open(t, Config{Now: func() time.Time { return now }})
	f := runtimeOf(t, h)
	f.declare(release(t, "v1", nil, service(t, "leak", func(s *davit.Service) { s.Resources.OpenFiles = 20 })), 1)
	i := f.untilReady(1)[0]
	now = now.Add(usageAge)
	before := f.instances()[0].Usage
	if before.MemoryBytes < 64<<20 || before.OpenFiles < 3 || before.CPU < 0 {
		t.Errorf("usage %+v", before)
	}
	file := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ask(t, i, "/open?path="+file)
	if got := f.instances()[0].Usage; got != before {
		t.Errorf("read again within a second: %+v", got)
	}
	eventually(t, "one more open file", func() bool {
		now = now.Add(usageAge)
		return f.instances()[0].Usage.OpenFiles > before.OpenFiles
	})
	eventually(t, "at the limit", func() bool {
		_, err := get(t.Context(), i, "/open?path="+file)
		return err != nil
	})
}
