// Package openfeature is an OpenFeature provider for programs in Go that evaluates
// feature flags of Davit in the program's own process.
//
// It has the flags of one environment streamed to it, by davit serve or davit flag
// edge, and asks nobody when a flag is read. The last flags are kept in a file, so
// that a program starts with them when the server is away.
//
//	provider, err := openfeature.New(openfeature.Options{
//		URL: "https://davit.example:8443", Key: os.Getenv("FLAGS_KEY"), File: "/var/cache/shop/flags",
//	})
//	…
//	err = sdk.SetProviderAndWait(provider)
package openfeature

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	sdk "github.com/open-feature/go-sdk/openfeature"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// Options are what a provider is made with.
type Options struct {
	// URL is where davit serve or davit flag edge listens: https://HOST:PORT.
	URL string
	// Key is an access key of kind server, read-only or admin.
	Key string
	// File is where the last flags are kept; nowhere when it is empty. It holds who
	// gets what, and is readable for its owner alone.
	File string
	// Client asks the server; http.DefaultClient when nil. A limit on the time of
	// whole requests would cut the stream off.
	Client *http.Client
	// Log is told of what goes wrong and stops nothing: flags that cannot be kept in
	// the file, or read from it. slog.Default() when nil.
	Log *slog.Logger
	// Hooks are called around each evaluation.
	Hooks []sdk.Hook
	// Wait is how long the start waits for flags; 10 s when 0. With a file it waits
	// no longer than until the server could not be reached.
	Wait time.Duration
}

// Provider evaluates flags. It is made by New and started by the SDK.
type Provider struct {
	options  Options
	endpoint string
	state    atomic.Pointer[loaded] // nil before the first flags
	events   chan sdk.Event
	reports  reports

	mu   sync.Mutex
	stop func() // nil while it does not run
}

// loaded is a snapshot, with what it was made of.
type loaded struct {
	from     davit.FlagSnapshot
	tag      string // "" when it is from a file
	compiled *flag.Snapshot
	uses     uses
}

var (
	_ sdk.FeatureProvider          = (*Provider)(nil)
	_ sdk.ContextAwareStateHandler = (*Provider)(nil)
	_ sdk.EventHandler             = (*Provider)(nil)
	_ sdk.Tracker                  = (*Provider)(nil)
)

const (
	snapshotPath = "/ofrep/davit/v1/snapshot"
	defaultWait  = 10 * time.Second
	eventsKept   = 64
)

// New returns a provider. It reaches for nothing before it is started.
func New(o Options) (*Provider, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the URL of a Davit server is http://HOST:PORT or https://HOST:PORT")
	}
	if o.Key == "" {
		return nil, errors.New("reading flags takes an access key: davit flag key create NAME --kind server")
	}
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Wait == 0 {
		o.Wait = defaultWait
	}
	return &Provider{options: o, endpoint: u.JoinPath(snapshotPath).String(), events: make(chan sdk.Event, eventsKept)}, nil
}

// Metadata names the provider.
func (p *Provider) Metadata() sdk.Metadata { return sdk.Metadata{Name: "davit"} }

// Hooks returns those of the options.
func (p *Provider) Hooks() []sdk.Hook { return p.options.Hooks }

// EventChannel returns the channel of what happens to the provider: flags have
// changed, are stale while the server cannot be reached, and are current again.
func (p *Provider) EventChannel() <-chan sdk.Event { return p.events }

// Init starts the provider.
func (p *Provider) Init(e sdk.EvaluationContext) error {
	return p.InitWithContext(context.Background(), e)
}

// InitWithContext starts the provider: it returns when there are flags, of the
// server or, when that is away, of the file. It returns an error when there are none
// by then; the provider goes on asking for them, and tells when it has them.
func (p *Provider) InitWithContext(ctx context.Context, _ sdk.EvaluationContext) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop != nil {
		return nil
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &stream{provider: p, tried: make(chan struct{}), got: make(chan struct{})}
	fromFile, err := readFile(p.options.File)
	if err != nil {
		p.options.Log.WarnContext(ctx, "going on without the flags that were kept", "file", p.options.File, "error", err)
	}
	if p.state.Load() == nil && fromFile != nil {
		p.state.Store(fromFile)
	}
	var group sync.WaitGroup
	group.Go(func() { s.run(running) })
	group.Go(func() { p.report(running) })
	p.stop = func() { cancel(); group.Wait() }
	limited, enough := context.WithTimeout(ctx, p.options.Wait)
	defer enough()
	tried := s.tried
	if p.state.Load() == nil {
		tried = nil // there is nothing to start with yet
	}
	select {
	case <-s.got:
	case <-tried:
	case <-limited.Done():
	}
	if why := s.start(running); p.state.Load() == nil {
		return &sdk.ProviderInitError{ErrorCode: sdk.ProviderNotReadyCode, Message: "the server gave no flags in time, and none were kept: " + why.Error()}
	}
	return nil
}

// Shutdown ends the provider. What is evaluated afterwards is answered with the
// last flags.
func (p *Provider) Shutdown() { _ = p.ShutdownWithContext(context.Background()) } // it cannot fail

// ShutdownWithContext is Shutdown.
func (p *Provider) ShutdownWithContext(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop != nil {
		p.stop()
		p.stop = nil
	}
	return nil
}

// tell tells the SDK of something.
func (p *Provider) tell(ctx context.Context, what sdk.EventType, message string, changed []string) {
	event := sdk.Event{ProviderName: p.Metadata().Name, EventType: what, ProviderEventDetails: sdk.ProviderEventDetails{Message: message, FlagChanges: changed}}
	select {
	case p.events <- event:
	case <-ctx.Done():
	}
}
