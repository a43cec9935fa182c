package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/davit-dev/davit/internal/config"
)

var (
	fence    = regexp.MustCompile("(?ms)^ *```(sh|yaml)\n(.*?)^ *```$")
	exitNote = regexp.MustCompile(`#.* exit code (\d+)`)
)

// TestReleaseGuide runs every command that the guide on releasing shows, one
// after the other in one repository, and reads every configuration.
func TestReleaseGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/release.md")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	releaseRepository(t)
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "davit")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	var script strings.Builder
	script.WriteString("set -- .git/COMMIT_EDITMSG\necho 'fix: x' >$1\n") // git gives it to its hook
	commands, configurations := 0, 0
	for _, block := range fence.FindAllStringSubmatch(string(guide), -1) {
		kind, text := block[1], block[2]
		if strings.HasPrefix(text, "release:") {
			configurations++
			if _, err := config.ParseReleasing("release.md", []byte(text)); err != nil {
				t.Error(err)
			}
		}
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if kind != "sh" && !strings.HasPrefix(line, "davit ") && !strings.HasPrefix(line, "git ") {
				continue
			}
			commands++
			want := "0"
			if m := exitNote.FindStringSubmatch(line); m != nil {
				want = m[1]
			}
			fmt.Fprintf(&script, "%s\ncode=$?; [ $code -eq %s ] || { echo \"exit code $code of:\" '%s'; exit 1; }\n", line, want, strings.ReplaceAll(line, "'", `'\''`))
		}
	}
	if commands < 9 || configurations < 3 {
		t.Fatalf("only %d commands and %d configurations were found in the guide", commands, configurations)
	}
	if out, err := exec.Command("bash", "-c", script.String()).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
