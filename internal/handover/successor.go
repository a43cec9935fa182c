package handover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/davit-dev/davit"
)

// How long a successor may take for each step, where a Program says nothing else.
const (
	hereLimit     = 10 * time.Second // any Davit says so at once
	preparedLimit = time.Minute      // it reads the whole store once
	servingLimit  = 15 * time.Second // nobody judges a rollout meanwhile
)

// Program is what is to become the successor.
type Program struct {
	Path           string
	Args           []string
	Stdout, Stderr io.Writer
	Limit          time.Duration // of every step; 0 is the package's own for each
}

// Socket is one that is given to the successor, under a name that it knows.
type Socket struct {
	Name string
	File *os.File
}

// Successor is a program that is about to take over.
type Successor struct {
	line    *line
	limit   time.Duration
	cmd     *exec.Cmd
	ended   chan struct{} // closed when its process has
	exit    error         // how; after ended
	version string
}

// Start starts a program, offers it the sockets, and returns when it is
// prepared to take over. One that is not is ended, and the error says why. ctx
// bounds the preparation alone.
func Start(ctx context.Context, program Program, offer Offer, sockets []Socket) (*Successor, error) {
	if err := executable(program.Path); err != nil {
		return nil, err
	}
	s, err := launch(program, sockets)
	if err != nil {
		return nil, &davit.Error{Code: davit.CodeUnavailable, Message: program.Path + " cannot be started", Err: reason(err),
			Hint: "name a davit that was built for this machine with --binary"}
	}
	stop := context.AfterFunc(ctx, func() { _ = s.line.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	offer.Protocol = Protocol
	for _, socket := range sockets {
		offer.Sockets = append(offer.Sockets, socket.Name)
	}
	err = s.line.out.Encode(offer)
	if err == nil {
		err = s.greet()
	}
	if err == nil {
		err = s.expect(sayPrepared, preparedLimit)
	}
	if err != nil {
		s.End()
		return nil, &davit.Error{Code: davit.CodeUnavailable, Message: fmt.Sprintf("%s cannot take over", program.Path), Err: s.because(err), Hint: hint(err)}
	}
	return s, nil
}

// executable refuses what cannot be a program before anything is started.
func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return &davit.Error{Code: davit.CodeInvalid, Message: path + " cannot be looked at", Err: reason(err), Hint: "name a davit on this machine with --binary"}
	case !filepath.IsAbs(path):
		return &davit.Error{Code: davit.CodeInvalid, Message: path + " is no absolute path"}
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return &davit.Error{Code: davit.CodeInvalid, Message: path + " is no program that can be run", Hint: "name a davit on this machine with --binary"}
	}
	return nil
}

// reason returns an error without the path that its message has already.
func reason(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

func launch(program Program, sockets []Socket) (*Successor, error) {
	ours, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer func() { _ = theirs.Close() }() // the child has its own
	l, err := newLine(ours)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program.Path, program.Args...) //nolint:noctx // it is to outlive us
	cmd.Stdout, cmd.Stderr = program.Stdout, program.Stderr
	cmd.Env = append(os.Environ(), variable+"=3")
	cmd.ExtraFiles = []*os.File{theirs}
	for _, s := range sockets {
		cmd.ExtraFiles = append(cmd.ExtraFiles, s.File)
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, l.conn.Close())
	}
	s := &Successor{line: l, limit: program.Limit, cmd: cmd, ended: make(chan struct{})}
	go func() { // ends with the child, or with this process
		defer close(s.ended)
		s.exit = cmd.Wait()
	}()
	return s, nil
}

// greet wants the successor to be a Davit that speaks our protocol.
func (s *Successor) greet() error {
	var m message
	if err := s.line.receive(&m, cmp.Or(s.limit, hereLimit)); err != nil {
		return err
	}
	s.version = m.Version
	switch {
	case m.Say == sayFailed:
		return &refusal{m}
	case m.Say != sayHere:
		return fmt.Errorf("it said %q where it should say who it is", m.Say)
	case m.Protocol != Protocol:
		return fmt.Errorf("version %s speaks handover protocol %d, and this server speaks %d; upgrade by one version at a time", m.Version, m.Protocol, Protocol)
	}
	return nil
}

// refusal is why a successor says that it cannot take over.
type refusal struct{ message }

func (r *refusal) Error() string { return r.message.Error }

func hint(err error) string {
	if r, ok := errors.AsType[*refusal](err); ok && r.Hint != "" {
		return r.Hint
	}
	return "nothing was changed; what it wrote is in the server's log"
}

func (s *Successor) expect(want word, limit time.Duration) error {
	var m message
	if err := s.line.receive(&m, cmp.Or(s.limit, limit)); err != nil {
		return err
	}
	switch m.Say {
	case want:
		return nil
	case sayFailed:
		return &refusal{m}
	}
	return fmt.Errorf("it said %q where it should say %q", m.Say, want)
}

// because says in words why the successor was given up.
func (s *Successor) because(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("it did not answer in time")
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	if s.exit == nil {
		return errors.New("it ended without a word (exit status 0): is it a davit of a version that can take over?")
	}
	return fmt.Errorf("it ended without a word (%w)", s.exit)
}

// Version returns the version that the successor says it is.
func (s *Successor) Version() string { return s.version }

// PID returns its process ID.
func (s *Successor) PID() int { return s.cmd.Process.Pid }

// Go lets the successor take over and returns nil when it serves. After an error
// it has ended, and whoever called can serve again.
func (s *Successor) Go(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.line.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	err := s.line.out.Encode(message{Say: sayGo})
	if err == nil {
		err = s.expect(sayServing, servingLimit)
	}
	if err == nil {
		return nil
	}
	s.End()
	return s.because(err)
}

// End ends the successor, and returns when it has ended.
func (s *Successor) End() {
	_ = s.cmd.Process.Kill() // it may have ended already
	_ = s.line.conn.Close()  // nothing more is said
	<-s.ended
}
