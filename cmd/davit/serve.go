package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/server"
)

// stopGrace is how long requests to the API may take when the server stops.
const stopGrace = 5 * time.Second

// serveOptions are the flags of "davit serve".
type serveOptions struct {
	listen, cert, key, tokens, level string
	retain                           time.Duration // of journals; 0 for ever
	lease                            time.Duration
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
release by itself, unless a rolling update has begun to replace its instances.`,
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
	return cmd
}

func (a *app) serve(ctx context.Context, o serveOptions) (err error) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := checkRetain(o.retain); err != nil {
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
	parts, err := assemble(ctx, dir, o.lease, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parts.Close()) }()
	listeners, err := listen(socket, o)
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "serving", "state", dir, "listen", o.listen, "version", version)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return parts.platforms.Run(ctx) })
	group.Go(func() error { return parts.engine.Run(ctx) })
	group.Go(func() error { return parts.observer.Run(ctx) })
	group.Go(func() error { return keepFor(ctx, parts.store, o.retain, log) })
	group.Go(func() error { return parts.prune(ctx, log) })
	group.Go(func() error {
		if err := parts.store.Examine(ctx); err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "the store is not whole; nothing is recorded any more, so nothing is changed", "error", err)
		}
		return nil
	})
	group.Go(func() error { return server.New(parts.server(log)).Serve(ctx, stopGrace, listeners...) })
	err = group.Wait()
	log.Info("stopped; instances and proxy go on serving")
	return err
}

// listen opens the listeners that the options ask for.
func listen(socket string, o serveOptions) ([]server.Listener, error) {
	var tcp []server.Listener
	if o.listen != "" {
		options := server.TCPOptions{Address: o.listen, CertFile: o.cert, KeyFile: o.key}
		if o.tokens != "" {
			tokens, err := server.LoadTokens(o.tokens)
			if err != nil {
				return nil, err
			}
			options.Tokens = tokens
		}
		l, err := server.ListenTCP(options)
		if err != nil {
			return nil, err
		}
		tcp = append(tcp, l)
	}
	l, err := server.ListenUnix(socket)
	if err != nil {
		for _, other := range tcp {
			err = errors.Join(err, other.Close())
		}
		return nil, err
	}
	return append(tcp, l), nil
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
