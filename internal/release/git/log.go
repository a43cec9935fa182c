package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
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

// logArgs begins the arguments of every "git log" that is read here.
var logArgs = [...]string{"log", "-z", "--encoding=UTF-8", "--no-color", "--format=%H%n%P%n%aN%n%aE%n%ct%n%B"}

// Log streams commits, newest first, from one process, which ends when the
// caller stops.
func (r *Repo) Log(ctx context.Context, chosen Range) iter.Seq2[Commit, error] {
	return func(yield func(Commit, error) bool) {
		log, err := r.logOf(ctx, chosen)
		if err != nil {
			yield(Commit{}, fmt.Errorf("reading the history: %w", err))
			return
		}
		stopped, err := readLog(log.stdout, yield)
		if waited := log.end(); stopped {
			return
		} else if err == nil && waited != nil && log.stderr.Len() > 0 {
			err = &Error{"log", log.stderr.String(), waited}
		}
		if err != nil {
			yield(Commit{}, fmt.Errorf("reading the history: %w", err))
		}
	}
}

// logOf returns a process that prints a range: the one that waits, or a new one.
func (r *Repo) logOf(ctx context.Context, chosen Range) (*logProcess, error) {
	if log := r.waiting; log != nil && chosen.To == "" && len(chosen.Paths) == 0 {
		r.waiting = nil
		return log, log.leaveOut(chosen.From)
	}
	args := logArgs[:]
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
	return r.startLog(ctx, nil, append(append(args, "--"), chosen.Paths...))
}

// logProcess is a "git log" that runs.
type logProcess struct {
	cmd    *exec.Cmd
	asks   *os.File // standard input, of one that waits
	stdout io.Reader
	stderr bytes.Buffer
	cancel context.CancelFunc
}

// startLog starts a "git log".
func (r *Repo) startLog(ctx context.Context, stdin io.Reader, args []string) (*logProcess, error) {
	ctx, cancel := context.WithCancel(ctx)
	log := &logProcess{cmd: r.command(ctx, args...), cancel: cancel}
	log.cmd.Stdin, log.cmd.Stderr = stdin, &log.stderr
	stdout, err := log.cmd.StdoutPipe()
	if err == nil {
		err = log.cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	widen(stdout)
	log.stdout = stdout
	return log, nil
}

// startWaiting starts a "git log" of HEAD that waits to be told what to leave
// out: git has started by the time that the tags say what that is.
func (r *Repo) startWaiting(ctx context.Context) (*logProcess, error) {
	told, asks, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	log, err := r.startLog(ctx, told, append(logArgs[:], "HEAD", "--stdin", "--"))
	if err != nil {
		return nil, errors.Join(err, told.Close(), asks.Close())
	}
	log.asks = asks
	return log, told.Close()
}

// leaveOut has a process that waits print all but what a commit reaches; ""
// leaves nothing out.
func (p *logProcess) leaveOut(from string) error {
	if from != "" {
		// A git that has failed already tells why when its output is read.
		_, _ = io.WriteString(p.asks, "^"+from+"\n")
	}
	return p.asks.Close()
}

// end ends the process when it prints still, and waits for it.
func (p *logProcess) end() error {
	p.cancel()
	return p.cmd.Wait()
}

// Close ends the process that OpenAndTags started, when nothing has read it.
func (r *Repo) Close() {
	if log := r.waiting; log != nil {
		r.waiting = nil
		_ = log.end() // it was killed
		_ = log.asks.Close()
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
	var fields [5]string
	message := record
	for i := range fields {
		var whole bool
		if fields[i], message, whole = strings.Cut(message, "\n"); !whole {
			return Commit{}, errRecord
		}
	}
	seconds, err := strconv.ParseInt(fields[4], 10, 64)
	if err != nil {
		return Commit{}, errRecord
	}
	if !utf8.ValidString(message) {
		message = strings.ToValidUTF8(message, "\uFFFD")
	}
	return Commit{
		Hash: fields[0], Parents: strings.Fields(fields[1]), Author: fields[2], Email: fields[3],
		Time: time.Unix(seconds, 0).UTC(), Message: message,
	}, nil
}
