package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
)

// made is a generated repository: the last release in main's history, and the
// right next version.
type made struct{ last, next string }

// generate makes a repository by "git fast-import": main with merged topic
// branches and releases, and maintenance branches that go on releasing and are
// merged back now and then, the last time just before HEAD.
func generate(ctx context.Context, dir string, commits, tags int) (made, error) {
	for _, args := range [][]string{{"init", "-q", "-b", "main", dir}, {"-C", dir, "config", "gc.auto", "0"}} {
		if out, err := exec.CommandContext(ctx, "git", args...).CombinedOutput(); err != nil {
			return made{}, fmt.Errorf("making a repository: %w: %s", err, out)
		}
	}
	cmd := exec.CommandContext(ctx, "git", "-C", dir, "fast-import", "--quiet")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return made{}, fmt.Errorf("starting git fast-import: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return made{}, fmt.Errorf("starting git fast-import: %w", err)
	}
	h := &history{w: bufio.NewWriter(stdin), random: rand.New(rand.NewPCG(1, 2))} //nolint:gosec // the same history every time
	result := h.write(commits, tags)
	err = h.w.Flush()
	if closed := stdin.Close(); err == nil {
		err = closed
	}
	if waited := cmd.Wait(); err == nil {
		err = waited
	}
	if err != nil {
		return made{}, fmt.Errorf("generating a history: %w: %s", err, stderr.String())
	}
	for _, args := range [][]string{{"pack-refs", "--all"}, {"reset", "-q", "--hard"}, {"remote", "add", "origin", "https://github.com/o/r"}} {
		if out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			return made{}, fmt.Errorf("finishing the repository: %w: %s", err, out)
		}
	}
	return result, nil
}

// history writes the stream of "git fast-import".
type history struct {
	w      *bufio.Writer
	random *rand.Rand
	mark   int
	tagged int
}

// write writes a history and returns the answers it was made for.
func (h *history) write(commits, tags int) made {
	every := max(commits/tags, 2)
	major, minor, patch := 1, 0, 0
	main := h.commit("main", "feat: begin", 0)
	maintenance, maintained := 0, 0 // the tip of the maintenance branch, and its last patch
	last := ""
	for h.mark < commits-20 {
		switch n := h.mark; {
		case n%10 == 7: // a topic branch
			topic := h.commit("topic", h.message(), main)
			main = h.commit("main", "Merge pull request #1 from o/topic", main, topic)
		case maintenance > 0 && n%10 == 3:
			maintenance = h.commit("1.x", "fix(core): of the maintenance branch", maintenance)
			if h.tagged < tags && n%every < 2 {
				maintained++
				h.tag(fmt.Sprintf("v1.0.%d", maintained+1_000_000), maintenance)
			}
			if n%5000 == 3 {
				main = h.commit("main", "Merge branch '1.x'", main, maintenance)
			}
		default:
			main = h.commit("main", h.message(), main)
		}
		if h.mark/every >= h.tagged && h.tagged < tags-1 {
			switch {
			case h.tagged%100 == 99:
				major, minor, patch = major+1, 0, 0
			case h.tagged%5 == 4:
				minor, patch = minor+1, 0
			default:
				patch++
			}
			last = h.tag(fmt.Sprintf("v%d.%d.%d", major, minor, patch), main)
			if maintenance == 0 && h.tagged == 1 {
				maintenance = main
			}
		}
	}
	for range 10 {
		main = h.commit("main", "fix(core): since the last release", main)
	}
	if maintenance > 0 {
		h.tag("v1.0.9999999", maintenance)
		main = h.commit("main", "Merge branch '1.x'", main, maintenance)
	}
	main = h.commit("main", "fix: the last", main)
	fmt.Fprintf(h.w, "reset refs/heads/main\nfrom :%d\n\n", main)
	// All since the last release are fixes.
	return made{last, fmt.Sprintf("%d.%d.%d", major, minor, patch+1)}
}

// message returns the message of an ordinary commit, with a body now and then.
func (h *history) message() string {
	kinds := []string{"fix(core): ", "fix(api/v2): ", "docs: ", "chore(deps): ", "refactor: ", "test: ", "perf(proxy): "}
	message := kinds[h.random.IntN(len(kinds))] + fmt.Sprintf("change number %d of many (#%d)", h.mark, h.mark)
	if h.random.IntN(2) == 0 {
		message += "\n\n" + strings.Repeat("A body tells why the change was made and what else was thought of.\n", 1+h.random.IntN(8))
		message += "\nReviewed-by: Somebody <somebody@example.com>\nRefs: #12"
	}
	return message
}

// commit writes a commit and returns its mark.
func (h *history) commit(branch, message string, parents ...int) int {
	h.mark++
	at := 1_600_000_000 + h.mark*60
	fmt.Fprintf(h.w, "commit refs/heads/%s\nmark :%d\nauthor A U Thor <author%d@example.com> %d +0000\ncommitter C <c@example.com> %d +0000\ndata %d\n%s\n",
		branch, h.mark, h.mark%50, at, at, len(message), message)
	for i, parent := range parents {
		if parent == 0 {
			continue
		}
		word := "merge"
		if i == 0 {
			word = "from"
		}
		fmt.Fprintf(h.w, "%s :%d\n", word, parent)
	}
	if _, err := io.WriteString(h.w, fmt.Sprintf("M 100644 inline file%d\ndata 2\n%d\n", h.mark%500, h.mark%10)); err != nil {
		return h.mark // Flush returns it again
	}
	return h.mark
}

// tag writes an annotated tag on a mark and returns its name.
func (h *history) tag(name string, mark int) string {
	h.tagged++
	fmt.Fprintf(h.w, "tag %s\nfrom :%d\ntagger C <c@example.com> %d +0000\ndata 2\nx\n", name, mark, 1_600_000_000+mark*60)
	return name
}
