//go:build e2e

package report_test

import (
	"context"
	"image"
	"image/color"
	"image/png"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestReportInABrowser opens a report in a real Chromium that has no network, and
// looks at what it shows: every plot has lines in the colors of both releases.
// The screenshot is kept when DAVIT_SCREENSHOT names a file.
func TestReportInABrowser(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium: make browser installs it")
	}
	dir := t.TempDir()
	page, shot := filepath.Join(dir, "report.html"), filepath.Join(dir, "report.png")
	if err := os.WriteFile(page, []byte(write(t, source(t))), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := newDeadEnd(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	arguments := []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir=" + filepath.Join(dir, "profile"), "--hide-scrollbars",
		"--proxy-server=http://" + proxy.address, "--proxy-bypass-list=<-loopback>", "--window-size=1200,2600", "--force-device-scale-factor=1",
	}
	out, err := exec.CommandContext(ctx, browser, append(arguments, "--screenshot="+shot, "file://"+page)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if asked := proxy.asked(); len(asked) > 0 {
		t.Errorf("the browser asked the network for %q", asked)
	}
	seen := readPNG(t, shot)
	if path := os.Getenv("DAVIT_SCREENSHOT"); path != "" {
		content, err := os.ReadFile(shot)
		if err == nil {
			err = os.WriteFile(path, content, 0o600)
		}
		if err != nil {
			t.Error(err)
		}
	}
	for name, want := range map[string]color.RGBA{"stable's lines": {0x00, 0x72, 0xb2, 0xff}, "the candidate's lines": {0xd5, 0x5e, 0x00, 0xff}} {
		if n := count(seen, want); n < 300 {
			t.Errorf("%s have %d pixels on the screenshot", name, n)
		}
	}
	for name, want := range map[string]color.RGBA{"passing gates": {0x00, 0x72, 0x4f, 0xff}, "failing gates": {0xb3, 0x26, 0x1e, 0xff}} {
		if n := count(seen, want); n < 100 {
			t.Errorf("%s have %d pixels on the screenshot", name, n)
		}
	}
	dom, err := exec.CommandContext(ctx, browser, append(arguments, "--dump-dom", "file://"+page)...).Output()
	if err != nil || strings.Count(string(dom), "</svg>") != 5 {
		t.Errorf("the browser sees %d plots (%v), want 5", strings.Count(string(dom), "</svg>"), err)
	}
}

// deadEnd is a proxy that notes what it is asked for, and leads nowhere.
type deadEnd struct {
	address string
	mu      sync.Mutex
	lines   []string
}

func newDeadEnd(t *testing.T) *deadEnd {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &deadEnd{address: listener.Addr().String()}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			var line [200]byte
			n, _ := c.Read(line[:])
			c.Close()
			if request := string(line[:n]); !strings.Contains(request, "google") { // what Chromium asks for by itself
				d.mu.Lock()
				d.lines = append(d.lines, request)
				d.mu.Unlock()
			}
		}
	})
	t.Cleanup(func() {
		listener.Close()
		all.Wait()
	})
	return d
}

func (d *deadEnd) asked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lines
}

func readPNG(t *testing.T, path string) image.Image {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	seen, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// count returns how many pixels have a color, or nearly.
func count(seen image.Image, want color.RGBA) (n int) {
	near := func(a uint32, b uint8) bool { d := int(a>>8) - int(b); return d > -12 && d < 12 }
	bounds := seen.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, g, b, _ := seen.At(x, y).RGBA()
			if near(r, want.R) && near(g, want.G) && near(b, want.B) {
				n++
			}
		}
	}
	return n
}
