package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"

	"github.com/davit-dev/davit"
)

// Listener is an address that the API is served on, with what it takes to know
// who asks there.
type Listener struct {
	net.Listener
	raw      syscall.Conn // the socket itself, below TLS
	identify func(context.Context, net.Conn) context.Context
	guard    func(http.Handler) http.Handler
}

// maxSocketPath is the longest path that every supported system takes, without
// the ending zero byte: Linux has 107 bytes, macOS 103.
const maxSocketPath = 103

// ListenUnix listens on a unix socket that only its owner can use. Who asks is
// known by the peer's user ID. The folder of path must be private to the owner.
// A socket left behind by a dead server is replaced; one that a server answers
// on is a CodeConflict error. The path stays when the listener is closed.
func ListenUnix(path string) (Listener, error) {
	if err := CheckSocketPath(path); err != nil {
		return Listener{}, err
	}
	if conn, err := net.Dial("unix", path); err == nil {
		_ = conn.Close()
		return Listener{}, &davit.Error{
			Code:    davit.CodeConflict,
			Message: "another server answers on " + path,
			Hint:    "use that one, or give this one its own --state",
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return Listener{}, fmt.Errorf("removing the socket of a dead server: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return Listener{}, fmt.Errorf("listening on the unix socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil { // its folder is private already
		return Listener{}, errors.Join(fmt.Errorf("making the socket private: %w", err), l.Close())
	}
	return unixListener(l)
}

// unixListener makes a listener of a unix socket, whose path stays when it is
// closed: another process may listen on it.
func unixListener(l net.Listener) (Listener, error) {
	socket, ok := l.(*net.UnixListener)
	if !ok {
		return Listener{}, errors.Join(fmt.Errorf("%s is no unix socket", l.Addr()), l.Close())
	}
	socket.SetUnlinkOnClose(false)
	return Listener{
		Listener: l,
		raw:      socket,
		identify: func(ctx context.Context, c net.Conn) context.Context {
			return withLocal(withActor(ctx, peer(c)))
		},
		guard: func(h http.Handler) http.Handler { return h },
	}, nil
}

// CheckSocketPath returns a CodeInvalid error for a path that is too long for a
// unix socket.
func CheckSocketPath(path string) error {
	if len(path) <= maxSocketPath {
		return nil
	}
	return &davit.Error{
		Code:    davit.CodeInvalid,
		Message: fmt.Sprintf("the path of the server's socket has %d bytes, and a unix socket takes %d: %s", len(path), maxSocketPath, path),
		Hint:    "choose a shorter state directory with --state or DAVIT_STATE",
	}
}

// TCPOptions say how to listen on a TCP address.
type TCPOptions struct {
	Address string // host:port
	// CertFile and KeyFile are PEM files; without them only loopback
	// addresses are served.
	CertFile, KeyFile string
	// Tokens that clients must show one of.
	Tokens *Tokens
	// Socket, if any, listens on the address already.
	Socket *os.File
}

func (o TCPOptions) listen() (net.Listener, error) {
	if o.Socket != nil {
		return net.FileListener(o.Socket)
	}
	return net.Listen("tcp", o.Address)
}

// ListenTCP listens on an address. Every request must carry a token. It refuses
// to listen in clear text on an address that other machines reach.
func ListenTCP(o TCPOptions) (Listener, error) {
	host, _, err := net.SplitHostPort(o.Address)
	if err != nil {
		return Listener{}, &davit.Error{Code: davit.CodeInvalid, Message: "cannot listen on " + o.Address, Err: err, Hint: "write host:port"}
	}
	if o.Tokens == nil {
		return Listener{}, &davit.Error{
			Code:    davit.CodeInvalid,
			Message: "listening on " + o.Address + " needs tokens, so that not everybody can deploy",
			Hint:    "write name:token lines into a file of mode 0600 and name it with --token-file",
		}
	}
	config, err := serverTLS(o, host)
	if err != nil {
		return Listener{}, err
	}
	l, err := o.listen()
	if err != nil {
		return Listener{}, &davit.Error{Code: davit.CodeUnavailable, Message: "cannot listen on " + o.Address, Err: err}
	}
	raw, ok := l.(*net.TCPListener)
	if !ok {
		return Listener{}, errors.Join(fmt.Errorf("%s is no TCP socket", l.Addr()), l.Close())
	}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	return Listener{
		Listener: l,
		raw:      raw,
		identify: func(ctx context.Context, _ net.Conn) context.Context { return ctx },
		guard:    o.Tokens.guard,
	}, nil
}

// serverTLS returns nil for clear text on loopback.
func serverTLS(o TCPOptions, host string) (*tls.Config, error) {
	if o.CertFile == "" && o.KeyFile == "" {
		if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
			return nil, nil
		}
		return nil, &davit.Error{
			Code:    davit.CodeInvalid,
			Message: "will not listen on " + o.Address + " in clear text: tokens could be read on the way",
			Hint:    "name a certificate with --tls-cert and --tls-key, or listen on 127.0.0.1",
		}
	}
	cert, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
	if err != nil {
		return nil, &davit.Error{
			Code: davit.CodeInvalid, Message: "cannot use the certificate " + o.CertFile, Err: err,
			Hint: "both --tls-cert and --tls-key must name PEM files that belong together",
		}
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}, nil
}
