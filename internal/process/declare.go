package process

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

type declarationKey struct {
	scope
	release davit.ReleaseID
}

// declaration is how many instances of a release there should be. It holds the
// release, so that a host supervises on without asking anybody.
type declaration struct {
	Release *davit.Release `json:"release"`
	Size    davit.Size     `json:"size"`
}

func (h *Host) declarationPath(key declarationKey) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", key.application, key.environment, key.release))
	return filepath.Join(h.dir, "declared", hex.EncodeToString(sum[:16])+".json")
}

// declare records the size and sees to it.
func (h *Host) declare(ctx context.Context, key declarationKey, d declaration) error {
	h.declaring.Lock()
	defer h.declaring.Unlock()
	h.mu.Lock()
	old, known := h.declared[key]
	closed := h.closed
	others := maps.Clone(h.declared)
	h.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("declaring %s: %w", key.release, err)
	}
	if closed {
		return &davit.Error{Code: davit.CodeUnavailable, Message: "the server is stopping", Hint: "try again when it runs"}
	}
	d.Size = maps.Clone(d.Size)
	maps.DeleteFunc(d.Size, func(_ string, n int) bool { return n == 0 })
	if known && maps.Equal(old.Size, d.Size) || !known && len(d.Size) == 0 {
		return nil
	}
	if err := h.check(d, old.Size, others, key); err != nil {
		return err
	}
	data, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("declaring %s: %w", key.release, err)
	}
	if err := writeFile(h.declarationPath(key), data, true); err != nil {
		return fmt.Errorf("declaring %s: %w", key.release, err)
	}
	h.mu.Lock()
	h.declared[key] = d
	h.reconcile(key)
	h.mu.Unlock()
	h.notify(key.scope)
	return h.tidy(key)
}

// reconcile starts what is missing of a release and lets go what is too much.
// The caller holds mu.
func (h *Host) reconcile(key declarationKey) {
	d := h.declared[key]
	have := map[string][]*instance{}
	for _, i := range h.instances {
		if rec := i.record(); rec.scope() == key.scope && rec.Release == key.release && !i.left {
			have[rec.Service] = append(have[rec.Service], i)
		}
	}
	for service, n := range d.Size {
		for range n - len(have[service]) {
			h.add(key, d.Release, service)
		}
	}
	for service, there := range have {
		slices.SortFunc(there, lessWorth)
		for _, i := range there[:max(0, len(there)-d.Size[service])] {
			i.left = true
			close(i.leave)
		}
	}
}

// lessWorth orders instances by who is to go first: those that are not ready,
// then the youngest.
func lessWorth(a, b *instance) int {
	x, y := a.record(), b.record()
	if x.Ready != y.Ready {
		if x.Ready {
			return 1
		}
		return -1
	}
	return oldestFirst(b, a)
}

func oldestFirst(a, b *instance) int {
	x, y := a.record(), b.record()
	return cmp.Or(x.CreatedAt.Compare(y.CreatedAt), strings.Compare(x.ID, y.ID))
}

// add makes a new instance. The caller holds mu.
func (h *Host) add(key declarationKey, release *davit.Release, service string) {
	rec := record{
		ID: h.name(service), Application: key.application, Environment: key.environment,
		Release: key.release, Service: service, Phase: running, CreatedAt: h.config.Now(),
	}
	i := h.newInstance(rec, release)
	h.instances[rec.ID] = i
	h.tasks.Go(func() { i.keep(h.ctx, nil) })
}

// name returns a name for an instance that none has. The caller holds mu.
func (h *Host) name(service string) string {
	for {
		id := fmt.Sprintf("%s-%08x", service, uint32(h.random.Uint64())) //nolint:gosec // cut on purpose
		_, err := os.Lstat(filepath.Join(h.dir, "instances", id))
		if h.instances[id] == nil && errors.Is(err, os.ErrNotExist) {
			return id
		}
	}
}

// forget takes an instance that has left out of the host.
func (h *Host) forget(i *instance) error {
	rec := i.record()
	key := declarationKey{rec.scope(), rec.Release}
	h.mu.Lock()
	delete(h.instances, rec.ID)
	if !rec.StartedAt.IsZero() {
		h.ended[rec.ID] = i
	}
	h.mu.Unlock()
	var failure error
	if rec.StartedAt.IsZero() { // it has no logs to keep
		failure = os.RemoveAll(i.dir)
	}
	h.notify(rec.scope())
	h.declaring.Lock()
	defer h.declaring.Unlock()
	return errors.Join(failure, h.trim(), h.tidy(key))
}

// tidy removes a declaration that says none when there is none. The caller
// holds declaring.
func (h *Host) tidy(key declarationKey) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d, known := h.declared[key]; !known || len(d.Size) > 0 {
		return nil
	}
	for _, i := range h.instances {
		if rec := i.record(); rec.scope() == key.scope && rec.Release == key.release {
			return nil
		}
	}
	delete(h.declared, key)
	return removeFile(h.declarationPath(key))
}

// trim removes the logs of instances that ended too long ago, or of which there
// are too many.
func (h *Host) trim() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	byEnd := slices.SortedFunc(maps.Values(h.ended), func(a, b *instance) int {
		return b.record().EndedAt.Compare(a.record().EndedAt) // the latest first
	})
	var failure error
	for n, i := range byEnd {
		rec := i.record()
		if n < h.config.KeepLogs && h.config.Now().Sub(rec.EndedAt) < h.config.KeepLogsFor {
			continue
		}
		delete(h.ended, rec.ID)
		failure = errors.Join(failure, os.RemoveAll(i.dir))
	}
	return failure
}
