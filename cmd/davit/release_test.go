package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// releaseRepository makes a repository with a bare remote and enters it.
func releaseRepository(t *testing.T) {
	t.Helper()
	home := t.TempDir()
	for name, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": home, "GIT_CONFIG_NOSYSTEM": "1", "GITHUB_TOKEN": "", "GH_TOKEN": "", "GITLAB_TOKEN": "", "CI_JOB_TOKEN": "",
		"DAVIT_STATE": filepath.Join(home, "state"), "DAVIT_SERVER": "",
		"GIT_AUTHOR_DATE": "1700000000 +0000", "GIT_COMMITTER_DATE": "1700000000 +0000",
	} {
		t.Setenv(name, value)
	}
	remote, clone := filepath.Join(home, "remote.git"), filepath.Join(home, "clone")
	releaseGit(t, "init", "-q", "--bare", "-b", "main", remote)
	releaseGit(t, "init", "-q", "-b", "main", clone)
	t.Chdir(clone)
	releaseGit(t, "config", "user.name", "Ada")
	releaseGit(t, "config", "user.email", "ada@example.com")
	releaseGit(t, "remote", "add", "origin", remote)
	if err := os.WriteFile("VERSION", []byte("0.0.0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	releaseGit(t, "add", ".")
	releaseGit(t, "commit", "-q", "-m", "feat(cli): say hello")
	releaseGit(t, "commit", "-q", "--allow-empty", "-m", "feat (cli): say \x1b[31mmore")
	releaseGit(t, "push", "-q", "origin", "main")
}

func releaseGit(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("git", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// release runs "davit release" and returns the exit code and what it printed.
func runRelease(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append([]string{"release"}, args...), strings.NewReader("feat!(x): y\n# comment\n"), &out, &errs)
	return code, out.String(), errs.String()
}

func TestReleaseCommand(t *testing.T) {
	releaseRepository(t)
	head := releaseGit(t, "rev-parse", "HEAD")
	code, out, errs := runRelease(t, "--dry-run")
	want := []string{
		"0.1.0\n  from  the first commit\n  rule  there is no release yet, so this is the first\n  minor ",
		" feat(cli): say hello\n", " feat (cli): say \uFFFD[31mmore: 1:5: no blank may stand before the colon or the scope (rule 1)\n", "\n-0.0.0\n+0.1.0\n", "+++ b/CHANGELOG.md\n",
	}
	for _, part := range want {
		if code != exitOK || !strings.Contains(out, part) {
			t.Errorf("--dry-run: exit code %d, %s%s\nwant %q", code, out, errs, part)
		}
	}
	if now := releaseGit(t, "rev-parse", "HEAD"); now != head || releaseGit(t, "status", "--porcelain") != "" {
		t.Error("--dry-run changed something")
	}
	code, out, errs = runRelease(t)
	if code != exitOK || !strings.HasPrefix(out, "plan     release v0.1.0\nwrite    CHANGELOG.md\nwrite    VERSION\ncommit   ") || !strings.HasSuffix(out, "tag      v0.1.0\npush     v0.1.0 to origin\nreleased v0.1.0\n") {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	if code, out, errs = runRelease(t); code != exitNothing || out != "nothing to release\n" {
		t.Errorf("again: exit code %d, %s%s", code, out, errs)
	}
	if code, out, _ = runRelease(t, "next"); code != exitNothing || !strings.HasPrefix(out, "nothing to release\n  from  v0.1.0\n") {
		t.Errorf("next: exit code %d, %s", code, out)
	}
	code, out, _ = runRelease(t, "next", "--output", "json")
	var plan releasePlan
	if err := json.Unmarshal([]byte(out), &plan); err != nil || code != exitNothing || plan.Packages[0].From != "v0.1.0" || plan.Packages[0].Next != nil {
		t.Errorf("next as JSON: exit code %d, %v, %s", code, err, out)
	}
	if code, out, _ = runRelease(t, "changelog"); code != exitOK || !strings.Contains(out, "\n## [0.1.0] - 2023-11-14\n\n### Added\n\n- **cli:** say hello (") {
		t.Errorf("changelog: exit code %d, %s", code, out)
	}
}

func TestReleaseLint(t *testing.T) {
	releaseRepository(t)
	code, out, errs := runRelease(t, "lint")
	want := ": 1:5: no blank may stand before the colon or the scope (rule 1)\n    feat (cli): say \uFFFD[31mmore\n        ^\n  hint: write type(scope): description\n"
	if code != exitFailed || !strings.HasSuffix(out, want) {
		t.Errorf("exit code %d, %s%s, want %s", code, out, errs, want)
	}
	if code, out, _ = runRelease(t, "lint", "HEAD^"); code != exitOK || out != "" {
		t.Errorf("a good commit: exit code %d, %s", code, out)
	}
	want = "1:6: the ! has to stand immediately before the colon (rule 13)\n    feat!(x): y\n         ^\n  hint: write feat(scope)!: description\n"
	if code, out, _ = runRelease(t, "lint", "--message", "-"); code != exitFailed || out != want {
		t.Errorf("standard input: exit code %d, %s, want %s", code, out, want)
	}
	if err := os.WriteFile("message", []byte("fix(a\tb\x1b) : x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want = "\n    fix(a\tb\uFFFD) : x\n         \t   ^\n"
	if code, out, _ = runRelease(t, "lint", "--message", "message"); code != exitFailed || !strings.Contains(out, want) {
		t.Errorf("with a tab: exit code %d, %q, want %q", code, out, want)
	}
	if code, _, errs = runRelease(t, "lint", "nothing..HEAD"); code != exitUsage || !strings.Contains(errs, "hint:") {
		t.Errorf("a wrong range: exit code %d, %s", code, errs)
	}
}
