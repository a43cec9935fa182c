package main

import (
	"errors"
	"os"

	"github.com/davit-dev/davit/internal/handover"
	"github.com/davit-dev/davit/internal/server"
)

// sockets are those that the API is served on. They stay open while one server
// steps aside for another, so that whoever asks meanwhile waits and is answered.
type sockets struct {
	path    string // of the unix socket
	options serveOptions
	kept    []handover.Socket
	others  bool // another process serves on them
}

// The names under which a server gives its sockets to the next.
const (
	unixSocket = "unix"
	tcpSocket  = "tcp"
)

// newSockets returns the sockets at path and those that the options ask for.
// They are opened by the first use, but for those that a server before gave.
func newSockets(path string, o serveOptions, before *handover.Predecessor) *sockets {
	s := &sockets{path: path, options: o, others: before != nil}
	for _, name := range []string{unixSocket, tcpSocket} {
		if f := before.Socket(name); f != nil && (name == unixSocket || o.listen != "") {
			s.kept = append(s.kept, handover.Socket{Name: name, File: f})
		}
	}
	return s
}

// open opens those that are not open yet.
func (s *sockets) open() error {
	listeners, err := s.listeners()
	for _, l := range listeners {
		err = errors.Join(err, l.Close())
	}
	return err
}

// listeners returns a listener on each. To close one leaves its socket open.
func (s *sockets) listeners() (all []server.Listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range all {
				_ = l.Close() // the first error is the one that matters
			}
			all = nil
		}
	}()
	if s.options.listen != "" {
		l, err := s.listenTCP()
		if err != nil {
			return all, err
		}
		all = append(all, l)
		if err := s.keep(tcpSocket, l); err != nil {
			return all, err
		}
	}
	l, err := s.listenUnix()
	if err != nil {
		return all, err
	}
	all = append(all, l)
	return all, s.keep(unixSocket, l)
}

func (s *sockets) listenTCP() (server.Listener, error) {
	o := s.options
	options := server.TCPOptions{Address: o.listen, CertFile: o.cert, KeyFile: o.key, Socket: s.file(tcpSocket)}
	if o.tokens != "" {
		tokens, err := server.LoadTokens(o.tokens)
		if err != nil {
			return server.Listener{}, err
		}
		options.Tokens = tokens
	}
	return server.ListenTCP(options)
}

func (s *sockets) listenUnix() (server.Listener, error) {
	if f := s.file(unixSocket); f != nil {
		return server.InheritUnix(f)
	}
	return server.ListenUnix(s.path)
}

// file returns the socket of that name, nil when it is not open.
func (s *sockets) file(name string) *os.File {
	for _, k := range s.kept {
		if k.Name == name {
			return k.File
		}
	}
	return nil
}

// keep keeps a listener's socket, unless it is kept already.
func (s *sockets) keep(name string, l server.Listener) error {
	if s.file(name) != nil {
		return nil
	}
	f, err := l.File()
	if err != nil {
		return err
	}
	s.kept = append(s.kept, handover.Socket{Name: name, File: f})
	return nil
}

// Close closes the sockets. The path of the unix socket goes with it, unless
// another process serves there.
func (s *sockets) Close() error {
	var errs []error
	if s.file(unixSocket) != nil && !s.others {
		if err := os.Remove(s.path); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	for _, k := range s.kept {
		errs = append(errs, k.File.Close())
	}
	return errors.Join(errs...)
}
