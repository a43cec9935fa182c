package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Host owns the processes under one directory. It is safe for concurrent use.
type Host struct {
	config Config
	log    *slog.Logger
	dir    string
	id     string // of the directory, in the mark of its processes
	boot   string
	store  *store
	ports  *ports
	lock   *os.File

	ctx    context.Context //nolint:containedctx // the life of the host, from Open to Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup // the keepers of instances, and the host's own

	declaring sync.Mutex // held over a declaration and its recording; before mu
	mu        sync.Mutex
	closed    bool
	declared  map[declarationKey]declaration
	instances map[string]*instance // that are kept
	ended     map[string]*instance // that only have logs
	watchers  map[scope]map[chan struct{}]struct{}

	random  locked
	usages  usages
	rotates time.Duration
}

// scope is one environment of one application.
type scope struct{ application, environment string }

// locked is a source of randomness for several goroutines.
type locked struct {
	mu     sync.Mutex
	source rand.Source
}

func (l *locked) Uint64() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.source.Uint64()
}

// Open takes over the directory: it adopts the processes that an earlier host
// left running, ends those that nothing names, and goes on with what was
// declared. The context bounds the opening alone. It returns a *davit.Error of
// CodeConflict while another host has the directory, and of CodeUnsupported
// where the operating system is not Linux.
func Open(ctx context.Context, config Config) (*Host, error) {
	if err := supported(); err != nil {
		return nil, err
	}
	h, err := lockDir(ctx, config.withDefaults())
	if err != nil {
		return nil, err
	}
	h.ctx, h.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := h.load(ctx); err != nil {
		h.cancel()
		return nil, errors.Join(err, h.lock.Close())
	}
	h.tasks.Go(h.tendLogs)
	return h, nil
}

// lockDir makes the host's folders and takes their lock.
func lockDir(ctx context.Context, config Config) (*Host, error) {
	dir, err := filepath.Abs(config.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", config.Dir, err)
	}
	for _, sub := range []string{"artifacts/sha256", "declared", "instances"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("opening %s: %w", dir, diskError(err))
		}
	}
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	lock, err := takeLock(ctx, filepath.Join(dir, "lock"), boot)
	if err != nil {
		return nil, err
	}
	h := &Host{
		config: config, log: config.Log, dir: dir, boot: boot, lock: lock, rotates: time.Second,
		store:    &store{dir: filepath.Join(dir, "artifacts", "sha256"), now: config.Now},
		declared: map[declarationKey]declaration{}, instances: map[string]*instance{}, ended: map[string]*instance{},
		watchers: map[scope]map[chan struct{}]struct{}{}, random: locked{source: config.Random},
	}
	h.ports = &ports{PortRange: config.Ports, taken: map[int]string{}, random: rand.New(&h.random)} //nolint:gosec // no secret
	h.usages.now = config.Now
	if h.id, err = h.mark(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return h, nil
}

// mark returns the random name of the directory, and gives it one at first.
func (h *Host) mark() (string, error) {
	path := filepath.Join(h.dir, "id")
	id, err := os.ReadFile(path) //nolint:gosec // the host's own
	if errors.Is(err, os.ErrNotExist) {
		id = fmt.Appendf(nil, "%016x%016x", rand.Uint64(), rand.Uint64()) //nolint:gosec // unique, not secret
		err = writeFile(path, id, true)
	}
	if err != nil {
		return "", fmt.Errorf("naming %s: %w", h.dir, err)
	}
	return string(id), nil
}

// Close stops supervising and returns when nothing of the host runs any more.
// The processes run on, and the next host adopts them.
func (h *Host) Close() error {
	h.declaring.Lock()
	h.mu.Lock()
	was := h.closed
	h.closed = true
	h.mu.Unlock()
	h.declaring.Unlock()
	if was {
		return nil
	}
	h.cancel()
	h.tasks.Wait()
	h.mu.Lock()
	for _, channels := range h.watchers {
		for channel := range channels {
			close(channel)
		}
	}
	clear(h.watchers)
	h.mu.Unlock()
	if err := errors.Join(h.lock.Truncate(0), h.lock.Close()); err != nil {
		return fmt.Errorf("closing %s: %w", h.dir, err)
	}
	return nil
}

// notify tells those who watch a scope that something changed there.
func (h *Host) notify(s scope) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for channel := range h.watchers[s] {
		select {
		case channel <- struct{}{}:
		default: // it has one that was not received yet
		}
	}
}

// watch returns a channel that receives after changes, until ctx ends.
func (h *Host) watch(ctx context.Context, s scope) <-chan struct{} {
	channel := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		close(channel)
		return channel
	}
	if h.watchers[s] == nil {
		h.watchers[s] = map[chan struct{}]struct{}{}
	}
	h.watchers[s][channel] = struct{}{}
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if _, open := h.watchers[s][channel]; open {
			delete(h.watchers[s], channel)
			close(channel)
		}
	})
	return channel
}

// jitter changes d by up to a quarter, so that instances that ended together do
// not start together.
func (h *Host) jitter(d time.Duration) time.Duration {
	return d*3/4 + time.Duration(h.random.Uint64()%uint64(d/2+1)) //nolint:gosec // positive
}

// tendLogs rotates the logs of living instances until the host closes. It has to
// look: nothing tells when a file has grown beyond a size.
func (h *Host) tendLogs() {
	for pause(h.ctx, h.rotates) {
		h.mu.Lock()
		all := make([]*instance, 0, len(h.instances))
		for _, i := range h.instances {
			all = append(all, i)
		}
		h.mu.Unlock()
		for _, i := range all {
			if err := i.log.rotate(); err != nil {
				i.warn(h.ctx, "a log cannot be rotated", err)
			}
		}
	}
}
