package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/handover"
	"github.com/davit-dev/davit/internal/sqlite"
)

// stopGrace is how long requests to the API may take when the server stops.
const stopGrace = 5 * time.Second

// serveOptions are the flags of "davit serve".
type serveOptions struct {
	listen, cert, key, tokens, level string
	retain                           time.Duration // of journals; 0 for ever
	lease                            time.Duration
	redis                            redisOptions
}

func (a *app) serveCommand() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server: it drives rollouts, answers the API, and supervises instances and
proxy. It listens on a unix socket in its state directory, which its own user
can use; with --listen on a TCP address too, for clients that show a token.

A server that ends, by SIGTERM or kill -9, leaves instances and proxy serving.
The next one adopts them, and goes on with a rollout that was under way. When no
server comes back in time (--lease), the proxy gives all traffic to the stable
release by itself, unless a rolling update has begun to replace its instances.

davit upgrade puts another program in the place of a server that runs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context(), o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.listen, "listen", "", "HOST:PORT to listen on as well; needs --token-file, and a certificate unless it is loopback")
	flags.StringVar(&o.cert, "tls-cert", "", "PEM file of the certificate")
	flags.StringVar(&o.key, "tls-key", "", "PEM file of its key")
	flags.StringVar(&o.tokens, "token-file", "", "file of mode 0600 with lines NAME:TOKEN")
	flags.DurationVar(&o.retain, "retain", 0, "remove the journals of rollouts that ended longer ago, such as 2160h; 0 keeps them. The audit log keeps everything")
	flags.DurationVar(&o.lease, "lease", 10*time.Second, "how long a candidate that is not promoted keeps its traffic when the server is away; 0 is for ever")
	flags.StringVar(&o.level, "log-level", "info", "debug, info, warn or error")
	o.redis.add(flags)
	return cmd
}

func (a *app) serve(ctx context.Context, o serveOptions) (err error) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	before, err := handover.Inherit(version)
	if err != nil {
		return err
	}
	defer func() {
		if before != nil && err != nil {
			before.Fail(err) // unless this server has served, and said so
		}
	}()
	if err := checkRetain(o.retain); err != nil {
		return err
	}
	if err := o.redis.check(); err != nil {
		return err
	}
	log, err := newLog(a.stderr, o.level)
	if err != nil {
		return err
	}
	dir, err := a.stateDir()
	if err != nil {
		return err
	}
	socket, err := a.socket()
	if err != nil {
		return err
	}
	if err := makeStateDir(dir); err != nil {
		return err
	}
	sockets := newSockets(socket, o, before)
	defer func() { err = errors.Join(err, sockets.Close()) }()
	if before != nil {
		if err := prepare(ctx, dir, sockets); err != nil {
			return err
		}
		if err := before.Await(); err != nil {
			return err
		}
	}
	s := &service{options: o, dir: dir, sockets: sockets, log: log, before: before, handedOver: before != nil}
	s.upgrader = newUpgrader(handover.Program{Args: a.args, Stdout: a.stdout, Stderr: a.stderr}, sockets, before, log)
	return s.run(ctx)
}

// prepare looks for all that could keep this server from taking over from one
// that still runs.
func prepare(ctx context.Context, dir string, sockets *sockets) error {
	if _, err := existingAuditLog(dir); err != nil {
		return err
	}
	if err := sqlite.Check(ctx, filepath.Join(dir, storeFile)); err != nil {
		return err
	}
	return sockets.open()
}

// newLog returns a log: text for a person at a terminal, JSON for machines.
func newLog(w io.Writer, level string) (*slog.Logger, error) {
	var options slog.HandlerOptions
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("there is no log level %q", level), Hint: "use debug, info, warn or error"}
	}
	options.Level = l
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) { //nolint:gosec // file descriptors are small
		return slog.New(slog.NewTextHandler(w, &options)), nil
	}
	return slog.New(slog.NewJSONHandler(w, &options)), nil
}
