// Release measures davit release on generated repositories, beside git itself
// and the npm packages git-cliff and conventional-changelog, in one run:
//
//	npm install --prefix DIR git-cliff conventional-changelog
//	go run ./bench/release -davit bin/davit -peers DIR/node_modules/.bin
//
// git-cliff from 2.13 on diffs every commit: with -commits 5000 it takes minutes
// already, with the default it is given up.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

func main() {
	davit := flag.String("davit", "bin/davit", "the binary to measure")
	peers := flag.String("peers", "", "folder with git-cliff and conventional-changelog; without it they are left out")
	commits := flag.Int("commits", 50_000, "commits of each repository")
	runs := flag.Int("runs", 9, "runs of each command; the median counts")
	flag.Parse()
	b := &bench{davit: *davit, peers: *peers, commits: *commits, runs: *runs}
	if err := b.run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	davit, peers  string
	commits, runs int
}

// run generates the repositories, measures and prints a table.
func (b *bench) run(ctx context.Context, out io.Writer) (err error) {
	davit, err := exec.LookPath(b.davit)
	if err != nil {
		return fmt.Errorf("finding davit: %w", err)
	}
	if b.davit, err = filepath.Abs(davit); err != nil {
		return fmt.Errorf("finding davit: %w", err)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "commits\ttags\twhat\tcommand\tmedian\tof git\tpeak memory\tanswer\t")
	for _, tags := range []int{500, 14_000} {
		if err := inFolder(func(dir string) error { return b.measure(ctx, table, dir, tags) }); err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return b.grow(ctx, out)
}

// inFolder measures in a folder that it removes again.
func inFolder(measure func(dir string) error) error {
	dir, err := os.MkdirTemp("", "davit-bench-release-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	err = measure(dir)
	return errors.Join(err, os.RemoveAll(dir))
}

// grow tells how memory grows beside the changelog, on repositories of which the
// second has twice the commits and releases of the first.
func (b *bench) grow(ctx context.Context, out io.Writer) error {
	var grown [2]result
	for i, commits := range []int{b.commits / 2, b.commits} {
		err := inFolder(func(dir string) error {
			if _, err := generate(ctx, dir, commits, commits/10); err != nil {
				return err
			}
			results, err := measureAll(ctx, dir, 1, []command{{"", [][]string{{b.davit, "release", "changelog"}}, "## ["}})
			if err == nil {
				grown[i] = results[0]
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	small, large := grown[0], grown[1]
	fmt.Fprintf(out, "davit release changelog of %d and %d commits: %.1f and %.1f MB of changelog (%.2fx), %.0f and %.0f MB of memory (%.2fx)\n",
		b.commits/2, b.commits, float64(small.output)/1e6, float64(large.output)/1e6, float64(large.output)/float64(small.output),
		float64(small.memory)/1e6, float64(large.memory)/1e6, float64(large.memory)/float64(small.memory))
	return nil
}

// measure measures everything on one repository.
func (b *bench) measure(ctx context.Context, table io.Writer, dir string, tags int) error {
	made, err := generate(ctx, dir, b.commits, tags)
	if err != nil {
		return err
	}
	git := []string{"git", "-C", dir}
	davit := func(args ...string) []string { return append([]string{b.davit, "release"}, args...) }
	next := []command{
		{"git show-ref, git log", [][]string{append(git, "show-ref", "--tags", "-d"), append(git, "log", "-z", "--format=%H%n%P%n%aN%n%aE%n%ct%n%B", made.last+"..HEAD")}, ""},
		{"davit release next", [][]string{davit("next")}, made.next},
	}
	whole := []command{
		{"git log", [][]string{append(git, "log", "-z", "--format=%H%n%P%n%aN%n%aE%n%ct%n%B", "HEAD")}, ""},
		{"davit release changelog", [][]string{davit("changelog")}, "## [" + strings.TrimPrefix(made.last, "v") + "]"},
	}
	if b.peers != "" {
		cliff := filepath.Join(b.peers, "git-cliff")
		next = append(next, command{"git-cliff --bumped-version", [][]string{{cliff, "--bumped-version", "--config", "keepachangelog"}}, made.next})
		next = append(next, command{"git-cliff -u --bumped-version", [][]string{{cliff, "--unreleased", "--bumped-version", "--config", "keepachangelog"}}, made.next})
		whole = append(whole, command{"git-cliff", [][]string{{cliff, "--config", "keepachangelog"}}, ""})
		whole = append(whole, command{"conventional-changelog", [][]string{{filepath.Join(b.peers, "conventional-changelog"), "-r", "0", "--stdout"}}, ""})
	}
	for _, part := range []struct {
		what     string
		runs     int
		commands []command
	}{{"next version", b.runs, next}, {"whole changelog", max(b.runs/3, 1), whole}} {
		results, err := measureAll(ctx, dir, part.runs, part.commands)
		if err != nil {
			return err
		}
		for i, c := range part.commands {
			got, base := results[i], results[0]
			fmt.Fprintf(table, "%d\t%d\t%s\t%s\t%v\t%.2fx\t%.0f MB\t%s\t\n", b.commits, tags, part.what, c.name,
				got.median.Round(100_000), float64(got.median)/float64(base.median), float64(got.memory)/1e6, got.answer)
		}
	}
	return nil
}
