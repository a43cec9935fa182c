package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/davit-dev/davit"
)

// phase is what the host is doing with an instance. It is recorded, so that an
// interrupted stop goes on.
type phase string

const (
	running  phase = "running"  // started, and again when it ends
	failed   phase = "failed"   // given up
	draining phase = "draining" // waits for its requests to end
	stopping phase = "stopping" // was told to end
	ended    phase = "ended"    // only its logs are left
)

// record is what is on disk of an instance. It holds no secret. Records
// describe processes, and a power cut ends those too, so they are written
// atomically and not synced.
type record struct {
	ID          string          `json:"id"`
	Application string          `json:"application"`
	Environment string          `json:"environment"`
	Release     davit.ReleaseID `json:"release"`
	Service     string          `json:"service"`

	Phase     phase     `json:"phase"`
	Process   identity  `json:"process,omitzero"` // zero before the first start
	Port      int       `json:"port,omitempty"`
	Restarts  int       `json:"restarts"`
	Ready     bool      `json:"ready"`  // when last probed
	Proven    bool      `json:"proven"` // was ready once
	Reason    string    `json:"reason,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	EndedAt   time.Time `json:"endedAt,omitzero"`
}

func (r record) scope() scope { return scope{r.Application, r.Environment} }

func (r record) leaving() bool { return r.Phase == draining || r.Phase == stopping }

// instance returns the record as the rest of Davit sees it, without Usage.
func (r record) instance(traffic bool) davit.Instance {
	v := davit.Instance{
		ID: r.ID, Release: r.Release, Service: r.Service, Reason: r.Reason,
		Restarts: r.Restarts, StartedAt: r.StartedAt, Condition: davit.Starting,
	}
	switch {
	case r.leaving():
		v.Condition = davit.Draining
	case r.Phase == failed:
		v.Condition = davit.Failed
	case r.Ready:
		v.Condition = davit.Ready
	}
	if traffic && r.Port > 0 {
		v.Address = loopback(r.Port)
	}
	return v
}

func (r record) write(dir string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding the record of %s: %w", r.ID, err)
	}
	if err := writeFile(filepath.Join(dir, "record.json"), data, false); err != nil {
		return fmt.Errorf("writing the record of %s: %w", r.ID, err)
	}
	return nil
}

// errNoRecord is returned where there is no record, or none that makes sense.
var errNoRecord = errors.New("no record")

// readRecord reads the record of the instance whose folder is dir.
func readRecord(dir string) (record, error) {
	data, err := os.ReadFile(filepath.Join(dir, "record.json")) //nolint:gosec // the host's own
	if errors.Is(err, os.ErrNotExist) {
		return record{}, fmt.Errorf("%w in %s", errNoRecord, dir)
	}
	if err != nil {
		return record{}, fmt.Errorf("reading a record: %w", err)
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return record{}, fmt.Errorf("%w in %s: %w", errNoRecord, dir, err)
	}
	if r.ID != filepath.Base(dir) {
		return record{}, fmt.Errorf("%w in %s, but one of %q", errNoRecord, dir, r.ID)
	}
	return r, nil
}
