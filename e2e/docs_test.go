//go:build e2e && linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// guides are run in this order, by one reader, on one machine.
var guides = []string{
	"docs/tutorial.md", "docs/how-to/ci.md", "docs/how-to/validate.md", "docs/how-to/audit.md", "docs/how-to/receipts.md",
	"docs/how-to/roll-back.md", "docs/how-to/upgrade.md",
}

// instead says how the test runs a command of the guides that a reader does not
// simply run to its success; "" is one that the test cannot run.
var instead = map[string]string{
	"git clone https://github.com/davit-dev/davit && cd davit":  "true", // this is it
	"build/v1/shop visitors":                                    "build/v1/shop visitors >visitors.log 2>&1 & visitors=$!",
	"davit deploy production v5-never-ready":                    "timeout --preserve-status -s INT 3 davit deploy production v5-never-ready; [ $? -eq 130 ]", // "press Ctrl-C"
	"davit deploy production v5-failing":                        "davit deploy production v5-failing; [ $? -eq 3 ]",
	"davit deploy production v5-slow":                           "davit deploy production v5-slow; [ $? -eq 3 ]",
	"rm -r \"$DAVIT_STATE\"":                                    "", // the other guides come first
	"davit down production --reason \"end of the tutorial\"":    "", // likewise
	"kill \"$(pgrep -f \"davit serve --state $DAVIT_STATE\")\"": "", // likewise
	// The reader's folder is this repository.
	"davit validate production --output junit > report.xml": "davit validate production --output junit > $HOME/report.xml",
	"davit validate production --output json > report.json": "davit validate production --output json > $HOME/report.json",
	"davit upgrade --binary ./davit-v1.5.0":                 "davit upgrade --binary \"$(command -v davit)\"",
	// The guide's checkpoint is of another day.
	"davit audit verify audit.log --key audit.key.pub --since checkpoint-2026-11-01": "davit audit verify audit.log --key audit.key.pub --since checkpoint-$(date +%F)",
}

// shown returns the commands that a guide shows: what is indented and in no fence,
// as a davit.yaml is.
func shown(guide string) (commands []string) {
	fenced := false
	for line := range strings.Lines(guide) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		command, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		if ok && !fenced && !strings.HasPrefix(command, " ") {
			commands = append(commands, command)
		}
	}
	return commands
}

// TestGuides runs every command that the guides show.
func TestGuides(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.MkdirTemp("", "davit-g-")
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{T: t, dir: home, state: filepath.Join(home, "davit-tutorial")}
	m.env = append(os.Environ(), "DAVIT_STATE="+m.state)
	t.Cleanup(func() { m.wreckGuides(root) })

	var script strings.Builder
	script.WriteString("set -u\n")
	ran := 0
	for _, guide := range guides {
		text, err := os.ReadFile(filepath.Join(root, guide))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(guide, "audit.md") {
			script.WriteString("cd $DAVIT_STATE\n") // where the key is
		}
		for _, command := range shown(string(text)) {
			run, special := instead[command]
			if !special {
				run = command
			}
			if run != "" {
				ran++
				fmt.Fprintf(&script, "echo %s\n%s\ncode=$?; [ $code -eq 0 ] || { echo exited $code; exit 1; }\n", quoted("$ "+command), run)
			}
		}
	}
	script.WriteString("kill $visitors\n")
	if ran < 20 {
		t.Fatalf("only %d commands were found in the guides", ran)
	}
	m.runGuides(root, script.String())
}

// runGuides runs the script as the reader's shell.
func (m *machine) runGuides(root, script string) {
	m.Helper()
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "HOME="+m.dir, "VERSION=v1", "CI_COMMIT_TITLE=fix the door")
	for _, name := range []string{"GOMODCACHE", "GOCACHE", "GOPATH"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			m.Fatal(err)
		}
		cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(value)))
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		m.Fatalf("%v\n%s", err, out)
	}
}

// wreckGuides takes down what the guides brought up.
func (m *machine) wreckGuides(root string) {
	cmd := m.command("down", "production", "--application", "shop", "--reason", "the test is over")
	_ = cmd.Run() // the server may never have run
	pids := m.processes()
	for _, pid := range pids {
		cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if strings.Contains(string(cmdline), "serve") {
			_ = exec.Command("kill", fmt.Sprint(pid)).Run()
		}
	}
	m.eventually("everything has ended", func() bool { return len(m.processes()) == 0 })
	_ = os.RemoveAll(m.dir)
	_ = os.Remove(filepath.Join(root, "examples/shop/visitors.log"))
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
