package process

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// instance is one that the host keeps. A goroutine of its own (keep) starts,
// watches and stops its process.
type instance struct {
	host    *Host
	dir     string
	release *davit.Release // what it runs; nil if that is not known any more
	service davit.Service
	log     *logFile

	// leave is closed once, by the host under its lock, when the instance is
	// to go.
	leave chan struct{}
	left  bool // leave is closed; under the host's lock

	writing sync.Mutex // held over a change and its recording
	mu      sync.Mutex
	rec     record

	past history // of the goroutine that keeps it

	// Under mu.
	readyAt     time.Time // since when it is ready; zero when it is not
	signalledAt time.Time // when it was told to end; zero before

	env  []string // what its process was started with; empty when that is not known
	mask masker
}

func (h *Host) newInstance(rec record, release *davit.Release) *instance {
	i := &instance{
		host: h, dir: filepath.Join(h.dir, "instances", rec.ID), rec: rec, release: release,
		leave: make(chan struct{}),
	}
	if release != nil {
		i.service = release.Config.Services[rec.Service]
	}
	i.know(nil)
	i.log = openLog(i.dir, h.config.LogBytes, h.config.LogFiles)
	return i
}

// record returns what is known of the instance now.
func (i *instance) record() record {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.rec
}

// view returns the instance as the rest of Davit sees it.
func (i *instance) view() davit.Instance { return i.record().instance(i.service.Traffic) }

// update changes the record, writes it down and tells those who watch.
func (i *instance) update(change func(*record)) error {
	i.writing.Lock()
	defer i.writing.Unlock()
	rec := i.record()
	before := rec
	change(&rec)
	if rec == before {
		return nil
	}
	i.mu.Lock()
	i.rec = rec
	i.mu.Unlock()
	err := rec.write(i.dir)
	i.host.notify(rec.scope())
	return err
}

// know takes the environment of the instance's process, whose secrets must not
// be told.
func (i *instance) know(env []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.env, i.mask = env, newMasker(env, i.service.Secrets)
}

// note is update for changes that must not fail: what the record does not say
// is found out again after a restart.
func (i *instance) note(ctx context.Context, change func(*record)) {
	if err := i.update(change); err != nil {
		i.warn(ctx, "the record of an instance cannot be written", err)
	}
}

func (i *instance) warn(ctx context.Context, message string, err error) {
	i.host.log.WarnContext(ctx, message, slog.String("instance", i.record().ID), slog.Any("error", err))
}
