package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"
)

// maxRecord bounds the record of one commit; the messages of commits can be of
// any size.
const maxRecord = 64 << 20

// Commit is one commit of a history.
type Commit struct {
	Hash    string
	Parents []string
	Author  string // by .mailmap
	Email   string
	Time    time.Time // of the commit, UTC
	Message string    // UTF-8
}

// Range chooses the commits of Log.
type Range struct {
	From  string   // exclude what this commit reaches; "" excludes nothing
	To    string   // "" is HEAD
	Paths []string // only commits that touch one of them, merges apart
}

// Log streams commits, newest first, from one process, which ends when the
// caller stops.
func (r *Repo) Log(ctx context.Context, chosen Range) iter.Seq2[Commit, error] {
	args := []string{"log", "-z", "--encoding=UTF-8", "--no-color", "--format=%H%n%P%n%aN%n%aE%n%ct%n%B"}
	if len(chosen.Paths) > 0 {
		// Simplification would leave out side branches whose change arrived otherwise.
		args = append(args, "--full-history")
	}
	to := chosen.To
	if to == "" {
		to = "HEAD"
	}
	args = append(args, to)
	if chosen.From != "" {
		args = append(args, "^"+chosen.From)
	}
	args = append(append(args, "--"), chosen.Paths...)
	return func(yield func(Commit, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		cmd := r.command(ctx, args...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		stdout, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			yield(Commit{}, fmt.Errorf("reading the history: %w", err))
			return
		}
		widen(stdout)
		stopped, err := readLog(stdout, yield)
		cancel() // ends git when the caller has enough; it has ended otherwise
		waited := cmd.Wait()
		if stopped {
			return
		}
		if err == nil && waited != nil && stderr.Len() > 0 {
			err = &Error{"log", stderr.String(), waited}
		}
		if err != nil {
			yield(Commit{}, fmt.Errorf("reading the history: %w", err))
		}
	}
}

// readLog yields the records of a stream until its end or until the caller
// stops.
func readLog(stream io.Reader, yield func(Commit, error) bool) (stopped bool, err error) {
	scanner := bufio.NewScanner(stream)
	scanner.Buffer(make([]byte, 256<<10), maxRecord)
	scanner.Split(splitNUL)
	for scanner.Scan() {
		c, err := parseCommit(scanner.Text())
		if err != nil {
			return false, err
		}
		if !yield(c, nil) {
			return true, nil
		}
	}
	return false, scanner.Err()
}

func splitNUL(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, io.ErrUnexpectedEOF // git was killed in the middle of a record
	}
	return 0, nil, nil
}

var errRecord = errors.New("git log printed what it was not asked for")

func parseCommit(record string) (Commit, error) {
	fields := strings.SplitN(record, "\n", 6)
	if len(fields) < 6 {
		return Commit{}, errRecord
	}
	seconds, err := strconv.ParseInt(fields[4], 10, 64)
	if err != nil {
		return Commit{}, errRecord
	}
	return Commit{
		Hash: fields[0], Parents: strings.Fields(fields[1]), Author: fields[2], Email: fields[3],
		Time: time.Unix(seconds, 0).UTC(), Message: strings.ToValidUTF8(fields[5], "\uFFFD"),
	}, nil
}
