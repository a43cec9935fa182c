package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag/book"
	"github.com/davit-dev/davit/internal/flag/ofrep"
	"github.com/davit-dev/davit/internal/flag/usage"
	"github.com/davit-dev/davit/internal/redis"
	"github.com/davit-dev/davit/internal/server"
)

// edgeOptions are the flags of "davit flag edge".
type edgeOptions struct {
	redis                            redisOptions
	listen, cert, key, tokens, level string
	dir                              string
	only                             []string
}

func (a *app) flagEdgeCommand() *cobra.Command {
	var o edgeOptions
	cmd := &cobra.Command{
		Use:   "edge",
		Short: "Answer for flags near the applications, from what davit serve hands over through Redis",
		Long: `Answer for flags near the applications: the same OFREP as davit serve, with the
same access keys, from what davit serve --redis hands over. An edge server changes
nothing. It tells the server, through Redis, which flags and access keys are used.

It keeps what it was given last in a folder (--dir). While Redis is away it goes on
with what it has, and says in the metadata of its answers that this is stale, and
how many seconds old.`,
		Example: "DAVIT_REDIS=rediss://redis.example:6379 davit flag edge --listen 127.0.0.1:8016 --dir /var/lib/davit-edge",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.edge(cmd.Context(), o) },
	}
	flags := cmd.Flags()
	o.redis.add(flags)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8016", "HOST:PORT to listen on; needs a certificate unless it is loopback")
	flags.StringVar(&o.cert, "tls-cert", "", "PEM file of the certificate")
	flags.StringVar(&o.key, "tls-key", "", "PEM file of its key")
	flags.StringVar(&o.tokens, "token-file", "", "file of mode 0600 with lines NAME:TOKEN, for who reads the metrics")
	flags.StringVar(&o.dir, "dir", "", "folder to keep the last flags in; none are kept without")
	flags.StringSliceVar(&o.only, "only", nil, "APPLICATION/ENVIRONMENT to answer for, several times; all that there are without")
	flags.StringVar(&o.level, "log-level", "info", "debug, info, warn or error")
	return cmd
}

// edge serves until it is told to end.
func (a *app) edge(ctx context.Context, o edgeOptions) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	log, err := newLog(a.stderr, o.level)
	if err != nil {
		return err
	}
	r, err := o.redis.open()
	if err != nil {
		return err
	}
	if r == nil {
		return errNoRedis()
	}
	defer r.Close() //nolint:errcheck // nothing is lost
	if err := o.redis.checkPoll(); err != nil {
		return err
	}
	listener, err := o.listener()
	if err != nil {
		return err
	}
	c := &edgeCopy{Copy: book.NewCopy(time.Now, 3*o.redis.every), dir: o.dir, only: o.only, log: log}
	if err := c.load(); err != nil {
		return errors.Join(err, listener.Close())
	}
	looked := make(chan struct{})
	var blind atomic.Bool // there may be keys that nothing is known of yet
	f := redis.Follower{
		Redis: r, Copy: c, Only: c.wanted, Every: o.redis.every, Now: time.Now, Looked: looked,
		Failed: func(err error) {
			blind.Store(true)
			log.WarnContext(ctx, "cannot tell whether the flags are the newest; going on with those that are there", "error", err)
		},
		Recovered: func() {
			blind.Store(false)
			log.InfoContext(ctx, "the flags are the newest again")
		},
	}
	handler := ofrep.New(c)
	uses := edgeUses{copy: c, notes: usage.New(time.Now()), redis: r, log: log}
	handler.Used, handler.Blind = uses.notes.Note, blind.Load
	edge := server.NewEdge(server.Config{Version: version, Log: log, OFREP: handler, Collectors: []prometheus.Collector{handler}})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return f.Run(ctx) })
	group.Go(func() error { return uses.run(ctx) })
	group.Go(func() error {
		select { // nobody is told that there are no flags before they were looked for
		case <-looked:
		case <-ctx.Done():
		}
		log.InfoContext(ctx, "serving flags", "listen", listener.Addr().String(), "version", version)
		notify("READY=1")
		return edge.Serve(ctx, stopGrace, listener)
	})
	return group.Wait()
}

func (o *edgeOptions) listener() (server.Listener, error) {
	options := server.TCPOptions{Address: o.listen, CertFile: o.cert, KeyFile: o.key}
	if o.tokens != "" {
		tokens, err := server.LoadTokens(o.tokens)
		if err != nil {
			return server.Listener{}, err
		}
		options.Tokens = tokens
	}
	return server.ListenEdge(options)
}

// edgeCopy is a copy that is kept in a folder, a file for each environment.
type edgeCopy struct {
	*book.Copy
	dir  string
	only []string
	log  *slog.Logger
}

var _ redis.Copy = (*edgeCopy)(nil)

// wanted reports whether the server answers for an environment.
func (c *edgeCopy) wanted(application, environment string) bool {
	for _, place := range c.only {
		if place == application+"/"+environment {
			return true
		}
	}
	return len(c.only) == 0
}

// Take takes an edition, and keeps it on disk. One that cannot be kept is in effect
// nevertheless.
func (c *edgeCopy) Take(e davit.FlagEdition, at time.Time) error {
	newer, err := c.Copy.Take(e, at)
	if err != nil || !newer || c.dir == "" {
		return err
	}
	path := filepath.Join(c.dir, e.Snapshot.Application+"@"+e.Snapshot.Environment+editionSuffix)
	text, err := e.Encode()
	if err == nil {
		err = writeWhole(path, func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
	}
	if err != nil {
		c.log.Warn("cannot keep the flags on disk", "error", err)
	}
	return nil
}

// editionSuffix ends the names of files that flags are kept in.
const editionSuffix = ".flags"

// load takes what is kept in the folder. What is damaged there is passed over: Redis
// has it, or will.
func (c *edgeCopy) load() error {
	if c.dir == "" {
		return nil
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), editionSuffix) {
			continue
		}
		if err := c.loadFile(filepath.Join(c.dir, entry.Name())); err != nil {
			c.log.Warn("cannot use the flags of a file", "file", entry.Name(), "error", err)
		}
	}
	return nil
}

func (c *edgeCopy) loadFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	e, err := davit.DecodeFlagEdition(text)
	if err != nil || !c.wanted(e.Snapshot.Application, e.Snapshot.Environment) {
		return err
	}
	_, err = c.Copy.Take(e, info.ModTime())
	return err
}
