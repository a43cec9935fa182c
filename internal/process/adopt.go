package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/davit-dev/davit"
)

// load reads what an earlier host left, adopts its processes and goes on.
func (h *Host) load(ctx context.Context) error {
	for _, sub := range []string{".", "artifacts/sha256", "declared"} {
		if err := removeTemporary(filepath.Join(h.dir, sub)); err != nil {
			return err
		}
	}
	if err := h.loadDeclarations(); err != nil {
		return err
	}
	found, err := h.loadInstances(ctx)
	if err != nil {
		return err
	}
	orphans, err := h.marked()
	if err != nil {
		return err
	}
	alive, err := openAll(found)
	if err != nil {
		return err
	}
	// What is to become of an instance is settled before anything is done
	// about it, so that nothing is started that is to leave.
	h.endOrphans(ctx, orphans)
	for _, i := range found {
		h.inherit(ctx, i, alive[i] != nil)
	}
	h.mu.Lock()
	for _, i := range found {
		if i.record().leaving() || i.release == nil {
			i.left = true
			close(i.leave)
		}
	}
	for key := range h.declared {
		h.reconcile(key)
	}
	h.mu.Unlock()
	for _, i := range found {
		h.tasks.Go(func() { h.adopt(i, alive[i]) })
	}
	return nil
}

func (h *Host) loadDeclarations() error {
	paths, err := filepath.Glob(filepath.Join(h.dir, "declared", "*.json"))
	if err != nil {
		return fmt.Errorf("listing declarations: %w", err)
	}
	for _, path := range paths {
		var d declaration
		data, err := os.ReadFile(path) //nolint:gosec // the host's own
		if err == nil {
			err = json.Unmarshal(data, &d)
		}
		if err == nil && d.Release == nil {
			err = errors.New("it names no release")
		}
		if err != nil {
			// Without it the host would take instances for superfluous that serve.
			return &davit.Error{
				Code: davit.CodeInternal, Message: fmt.Sprintf("%s, which says what should run, cannot be read; nothing was touched", path), Err: err,
				Hint: "restore the file, or remove it to let its instances be stopped",
			}
		}
		h.declared[declarationKey{scope{d.Release.Application, d.Release.Environment}, d.Release.ID}] = d
	}
	return nil
}

// loadInstances reads the records. Those without a readable one have nothing to
// go on with; their processes, if any, are orphans.
func (h *Host) loadInstances(ctx context.Context) ([]*instance, error) {
	entries, err := os.ReadDir(filepath.Join(h.dir, "instances"))
	if err != nil {
		return nil, fmt.Errorf("listing instances: %w", err)
	}
	var found []*instance
	for _, entry := range entries {
		dir := filepath.Join(h.dir, "instances", entry.Name())
		rec, err := readRecord(dir)
		if err != nil && !errors.Is(err, errNoRecord) {
			return nil, err
		}
		if err != nil {
			h.log.WarnContext(ctx, "an instance without a record is removed", slog.String("instance", entry.Name()), slog.Any("error", err))
			if err := os.RemoveAll(dir); err != nil {
				return nil, fmt.Errorf("removing an instance: %w", err)
			}
			continue
		}
		if err := removeTemporary(dir); err != nil {
			return nil, err
		}
		i := h.newInstance(rec, h.declared[declarationKey{rec.scope(), rec.Release}].Release)
		if err := i.log.recover(); err != nil {
			return nil, err
		}
		if rec.Phase == ended {
			h.ended[rec.ID] = i
			continue
		}
		h.instances[rec.ID] = i
		found = append(found, i)
	}
	return found, h.trim()
}

// openAll opens the processes of instances, as far as they still run.
func openAll(found []*instance) (map[*instance]*process, error) {
	alive := map[*instance]*process{}
	for _, i := range found {
		p, err := openProcess(i.record().Process)
		if errors.Is(err, errGone) {
			continue
		}
		if err != nil { // it may run, so nothing may be done about it
			for _, p := range alive {
				p.close()
			}
			return nil, err
		}
		alive[i] = p
	}
	return alive, nil
}

// inherit takes what an instance has: its port and its readiness, and notes when
// it has ended.
func (h *Host) inherit(ctx context.Context, i *instance, alive bool) {
	rec := i.record()
	if rec.Port > 0 {
		h.ports.keep(rec.ID, rec.Port)
	}
	if alive {
		if rec.Ready {
			i.readyAt = h.config.Now()
		}
		return
	}
	i.note(ctx, func(r *record) {
		if r.Ready = false; r.Phase == running {
			r.Reason = "it ended while no server ran"
		}
	})
}

// adopt keeps an instance of an earlier host, with its process p if that still
// runs.
func (h *Host) adopt(i *instance, p *process) {
	if p == nil {
		// A process of it that no record names was started a moment before the
		// earlier host died, or was left behind. It was never ready.
		if err := h.end(h.ctx, h.family(i.record().ID, nil), 0); err != nil && h.ctx.Err() == nil {
			i.warn(h.ctx, "what an instance left behind cannot be ended", err)
		}
	}
	i.keep(h.ctx, p)
}

// endOrphans ends the processes with the host's mark that belong to no
// instance, and the probes of an earlier host. It comes before any instance is
// kept.
func (h *Host) endOrphans(ctx context.Context, processes []member) {
	const grace = 10 * time.Second
	orphans := map[string]bool{}
	for _, m := range processes {
		if m.probe {
			only := func() ([]identity, error) { return h.living(m.identity) }
			h.tasks.Go(func() { h.endOrphan(only, 0) })
			continue
		}
		if i := h.instances[m.instance]; i == nil && !orphans[m.instance] {
			orphans[m.instance] = true
			h.log.WarnContext(ctx, "processes that belong to no instance are ended", slog.String("instance", m.instance), slog.Int("pid", m.PID))
			h.tasks.Go(func() { h.endOrphan(h.family(m.instance, nil), grace) })
		}
	}
}

func (h *Host) endOrphan(find finder, grace time.Duration) {
	if err := h.end(h.ctx, find, grace); err != nil && h.ctx.Err() == nil {
		h.log.WarnContext(h.ctx, "an orphan cannot be ended", slog.Any("error", err))
	}
}

// living returns the process if it still runs.
func (h *Host) living(id identity) ([]identity, error) {
	s, err := readStat(id.PID)
	if err != nil || s.start != id.Start || s.dead() {
		return nil, nil //nolint:nilerr // it has ended
	}
	return []identity{id}, nil
}

// removeTemporary removes what interrupted writes left in a folder.
func removeTemporary(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("tidying up: %w", err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".tmp-") {
			if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
				return fmt.Errorf("tidying up: %w", err)
			}
		}
	}
	return nil
}
