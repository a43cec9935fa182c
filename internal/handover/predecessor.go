package handover

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/davit-dev/davit"
)

// Predecessor is the server whose place this process is to take.
type Predecessor struct {
	Offer
	line    *line
	sockets []Socket
}

// Inherit returns the server that started this process to be its successor, and
// tells it who is here; nil when this process was started by anybody else. It is
// called once, before anything else opens a file.
func Inherit(version string) (*Predecessor, error) {
	value, told := os.LookupEnv(variable)
	if !told {
		return nil, nil
	}
	if err := os.Unsetenv(variable); err != nil { // not for whoever this process starts
		return nil, err
	}
	fd, err := strconv.Atoi(value)
	if err != nil || fd < 3 {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: variable + " is set, and names no descriptor", Hint: "unset it: it is for davit upgrade alone"}
	}
	l, err := newLine(os.NewFile(uintptr(fd), "predecessor"))
	if err != nil {
		return nil, err
	}
	p := &Predecessor{line: l}
	if err := l.receive(&p.Offer, hereLimit); err != nil {
		return nil, fmt.Errorf("reading what the server before offers: %w", err)
	}
	for i, name := range p.Offer.Sockets {
		unix.CloseOnExec(fd + 1 + i)
		p.sockets = append(p.sockets, Socket{name, os.NewFile(uintptr(fd+1+i), name)}) //nolint:gosec // a few
	}
	if p.Protocol != Protocol { // it says the same, for the person who asked
		err := fmt.Errorf("the server that runs (version %s) speaks handover protocol %d, and version %s speaks %d; upgrade by one version at a time", p.From, p.Protocol, version, Protocol)
		p.Fail(err)
		return nil, err
	}
	return p, l.out.Encode(message{Say: sayHere, Protocol: Protocol, Version: version})
}

// Socket returns the socket that was given under a name; nil when none was.
func (p *Predecessor) Socket(name string) *os.File {
	if p == nil {
		return nil
	}
	for _, s := range p.sockets {
		if s.Name == name {
			return s.File
		}
	}
	return nil
}

// Await says that this process is prepared, and returns nil when the one before
// has stepped aside. After an error this process is to end.
func (p *Predecessor) Await() error {
	if err := p.line.out.Encode(message{Say: sayPrepared}); err != nil {
		return fmt.Errorf("the server before has gone: %w", err)
	}
	var m message
	if err := p.line.receive(&m, 0); err != nil {
		return fmt.Errorf("the server before has gone without stepping aside: %w", err)
	}
	if m.Say != sayGo {
		return fmt.Errorf("the server before said %q, want %q", m.Say, sayGo)
	}
	return nil
}

// Serve says that this process serves. The one before may have died meanwhile,
// which makes no difference.
func (p *Predecessor) Serve() {
	_ = p.line.out.Encode(message{Say: sayServing})
	_ = p.line.conn.Close()
}

// Fail says why this process cannot take over.
func (p *Predecessor) Fail(err error) {
	m := message{Say: sayFailed, Error: err.Error()}
	if e, ok := errors.AsType[*davit.Error](err); ok {
		m.Hint = e.Hint
	}
	_ = p.line.out.Encode(m) // who has died is told nothing
	_ = p.line.conn.Close()
}
