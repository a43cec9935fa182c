package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// command is processes that run one after the other, and what the output of
// the last one has to contain; "" does not judge it.
type command struct {
	name  string
	steps [][]string
	want  string
}

// result is what a command took.
type result struct {
	median time.Duration
	memory int64 // bytes, of its largest process
	output int64 // bytes, of its last process
	answer string
}

// Limits for commands that are far off: one that takes longer than slow counts
// with its first run, and one that takes longer than patience is given up.
const (
	slow     = 15 * time.Second
	patience = 4 * time.Minute
)

// measureAll runs the commands in turn, several times after once to warm up, so
// that what else the machine does burdens all of them alike.
func measureAll(ctx context.Context, dir string, runs int, commands []command) ([]result, error) {
	results, times := make([]result, len(commands)), make([][]time.Duration, len(commands))
	for run := range runs + 1 {
		for i, c := range commands {
			if run > 0 && len(times[i]) > 0 && times[i][0] > slow {
				continue
			}
			start := time.Now()
			if err := c.once(ctx, dir, &results[i]); err != nil {
				return nil, err
			}
			if took := time.Since(start); run > 0 || took > slow {
				times[i] = append(times[i], took)
			}
		}
	}
	for i := range results {
		slices.Sort(times[i])
		results[i].median = times[i][len(times[i])/2]
	}
	return results, nil
}

// once runs the command once and judges its answer.
func (c command) once(ctx context.Context, dir string, r *result) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	for _, step := range c.steps {
		stdout.Reset()
		cmd := exec.CommandContext(ctx, step[0], step[1:]...)
		cmd.Dir = dir
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // npm's commands are wrappers: end what they wrap too
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		err := cmd.Run()
		if cmd.ProcessState == nil {
			return fmt.Errorf("running %s: %w", step[0], err)
		}
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			r.memory = max(r.memory, usage.Maxrss*1024)
		}
		switch {
		case ctx.Err() != nil:
			r.answer = fmt.Sprintf("given up after %v", patience)
			return nil
		case err != nil:
			r.answer = "failed: " + strings.ReplaceAll(firstLine(stderr.String()), "\t", " ")
			return nil
		}
	}
	r.output = int64(stdout.Len())
	switch {
	case c.want == "":
	case strings.Contains(stdout.String(), c.want):
		r.answer = "right"
	default:
		r.answer = "wrong: " + firstLine(stdout.String())
	}
	return nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line[:min(len(line), 60)]
}
