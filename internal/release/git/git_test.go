package git

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/davit-dev/davit"
)

// repository makes a repository and returns it with a function that runs git.
func repository(t *testing.T) (*Repo, func(args ...string) string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	git := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", "main")
	git("config", "user.name", "Ada")
	git("config", "user.email", "ada@example.com")
	git("commit", "-q", "--allow-empty", "-m", "first")
	repo, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return repo, git
}

func TestOpen(t *testing.T) {
	repo, git := repository(t)
	if repo.Branch != "main" || repo.Head != git("rev-parse", "HEAD") || repo.Shallow || repo.SHA256 {
		t.Errorf("repository %+v", repo)
	}
	sub := filepath.Join(repo.Root, "a\nb")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	git("switch", "-q", "--detach")
	again, err := Open(t.Context(), sub)
	if err != nil || again.Root != repo.Root || again.Branch != "" {
		t.Errorf("from below, detached: %+v, %v", again, err)
	}
	if _, err := Open(t.Context(), t.TempDir()); davit.ErrorCode(err) != davit.CodeInvalid {
		t.Errorf("outside: %v", err)
	}
}

func TestTagsArePeeled(t *testing.T) {
	repo, git := repository(t)
	if tags, err := repo.Tags(t.Context()); err != nil || len(tags) != 0 {
		t.Errorf("without tags: %v, %v", tags, err)
	}
	head := git("rev-parse", "HEAD")
	git("tag", "light")
	git("tag", "-a", "-m", "Release heavy\n\nnotes", "heavy")
	git("tag", "-a", "-m", "m", "of/a/tag", "heavy")
	tags, err := repo.Tags(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"light": head, "heavy": head, "of/a/tag": head}, tags); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{"light": "", "heavy": "Release heavy\n\nnotes\n", "none": ""} {
		if got, err := repo.TagMessage(t.Context(), name); err != nil || got != want {
			t.Errorf("the message of %s is %q, %v", name, got, err)
		}
	}
}

func TestOpenAndTags(t *testing.T) {
	repo, git := repository(t)
	git("tag", "-a", "-m", "m", "v1")
	var again *Repo
	refused := errors.New("refused")
	for _, answer := range []error{nil, refused} {
		tags, err := OpenAndTags(t.Context(), repo.Root, func(r *Repo) error { again = r; return answer })
		again.Close()
		if !errors.Is(err, answer) || *again != *repo || len(tags) != 1 || tags["v1"] != repo.Head {
			t.Errorf("%+v, %v, %v", again, tags, err)
		}
	}
	outside := func(r *Repo) error { t.Errorf("opened %+v", r); return nil }
	if _, err := OpenAndTags(t.Context(), t.TempDir(), outside); davit.ErrorCode(err) != davit.CodeInvalid {
		t.Errorf("outside: %v", err)
	}
}

// TestLogThatWaits checks that the process that is started in advance prints
// what one started for the range does, once, and ends in any case.
func TestLogThatWaits(t *testing.T) {
	repo, git := repository(t)
	first := repo.Head
	git("switch", "-q", "-c", "topic")
	git("commit", "-q", "--allow-empty", "-m", "on the topic")
	topic := git("rev-parse", "HEAD")
	git("switch", "-q", "main")
	git("commit", "-q", "--allow-empty", "-m", "on main")
	git("merge", "-q", "--no-ff", "-m", "merge", "topic")
	read := func(r *Repo, chosen Range) (commits []Commit, failed string) {
		for c, err := range r.Log(t.Context(), chosen) {
			if err != nil {
				return commits, err.Error()
			}
			commits = append(commits, c)
		}
		return commits, ""
	}
	nowhere := strings.Repeat("1", 40)
	for name, chosen := range map[string]Range{
		"all": {}, "since the first": {From: first}, "since the topic": {From: topic}, "nothing": {From: git("rev-parse", "HEAD")},
		"from nowhere": {From: nowhere}, "to the topic": {To: topic}, "by path": {From: first, Paths: []string{"none"}},
	} {
		t.Run(name, func(t *testing.T) {
			var ready *Repo
			if _, err := OpenAndTags(t.Context(), repo.Root, func(r *Repo) error { ready = r; return nil }); err != nil {
				t.Fatal(err)
			}
			if ready.waiting == nil {
				t.Fatal("no process waits")
			}
			want, wantFailed := read(repo, chosen)
			for range 2 { // from the process that waits, and from another
				got, failed := read(ready, chosen)
				if diff := cmp.Diff(want, got); diff != "" || (failed == "") != (wantFailed == "") {
					t.Errorf("failed %q, want %q; (-want +got):\n%s", failed, wantFailed, diff)
				}
			}
			if unread := chosen.To != "" || chosen.Paths != nil; unread != (ready.waiting != nil) {
				t.Error("the process that waits was read:", !unread)
			}
			waiting := ready.waiting
			ready.Close()
			ready.Close()
			if ready.waiting != nil || waiting != nil && waiting.cmd.ProcessState == nil {
				t.Error("a process is left")
			}
		})
	}
}

// TestEachLine checks that lines are whole wherever what is read ends.
func TestEachLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.StringMatching(`[a-c ]{0,5}`)).Draw(t, "lines")
		text := ""
		for _, line := range want {
			text += line + "\n"
		}
		var got []string
		err := eachLine(iotest.OneByteReader(strings.NewReader(text)), func(line string) bool { got = append(got, line); return true })
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v", got, err)
		}
	})
	if err := eachLine(strings.NewReader(strings.Repeat("x", 1<<20)), func(string) bool { return true }); !errors.Is(err, bufio.ErrTooLong) {
		t.Errorf("a line of a megabyte: %v", err)
	}
}

func TestLogKeepsMessagesWhole(t *testing.T) {
	repo, git := repository(t)
	messages := []string{"", "\n\n", "a\n\n\nb\n", "%H \x1b[31m", "über\r\nzwei", strings.Repeat("long ", 300_000)}
	for _, m := range messages {
		file := filepath.Join(t.TempDir(), "message")
		if err := os.WriteFile(file, []byte(m), 0o600); err != nil {
			t.Fatal(err)
		}
		git("commit", "-q", "--allow-empty", "--allow-empty-message", "--cleanup=verbatim", "-F", file)
	}
	var got []string
	for c, err := range repo.Log(t.Context(), Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Author != "Ada" || c.Email != "ada@example.com" || c.Time.IsZero() {
			t.Errorf("commit %+v", c)
		}
		got = append([]string{strings.TrimRight(c.Message, "\n")}, got...)
	}
	for i, m := range messages {
		if want := strings.TrimRight(m, "\n"); got[i+1] != want {
			t.Errorf("message %d is %.40q of %d bytes, want %.40q of %d", i, got[i+1], len(got[i+1]), want, len(want))
		}
	}
}

func TestLogFails(t *testing.T) {
	repo, _ := repository(t)
	for _, err := range repo.Log(t.Context(), Range{From: strings.Repeat("1", 40)}) {
		if err == nil || !strings.Contains(err.Error(), "bad object") {
			t.Errorf("error %v, want git's words", err)
		}
		return
	}
	t.Error("a range from nowhere is empty")
}

// FuzzReadLog checks that whatever stands for the output of git, reading ends
// with commits that have a hash or with an error.
func FuzzReadLog(f *testing.F) {
	f.Add("h\np q\nA\na@x\n12\nmessage\x00")
	f.Add("h\n\nA\na@x\nx\nmessage\x00")
	f.Add("h\n\nA\na@x\n12\ncut")
	f.Fuzz(func(t *testing.T, output string) {
		records := 0
		_, err := readLog(strings.NewReader(output), func(Commit, error) bool { records++; return true })
		if err == nil && records != strings.Count(output, "\x00") {
			t.Errorf("%q: %d commits", output, records)
		}
	})
}
