package process

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"syscall"
	"time"
)

// The variables that mark a process as one of a host.
const (
	envState    = "DAVIT_STATE"
	envInstance = "DAVIT_INSTANCE"
	envProbe    = "DAVIT_PROBE" // set for exec probes, which nobody adopts
)

// member is a process that carries a host's mark.
type member struct {
	identity
	instance string
	probe    bool
}

// killLimit is how long a process may take to end once it was killed: one that
// hangs in the kernel, on a dead disk for one, takes for ever.
const killLimit = 10 * time.Second

// finder finds processes that are to end.
type finder func() ([]identity, error)

// marked lists the living processes that carry the host's mark.
func (h *Host) marked() ([]member, error) {
	all, err := pids()
	if err != nil {
		return nil, err
	}
	var found []member
	for _, pid := range all {
		if pid == os.Getpid() { // a server may be an instance's child itself
			continue
		}
		// The start time is read before the environment: had the pid changed
		// hands in between, this identity would name nobody.
		s, err := readStat(pid)
		if err != nil || s.dead() {
			continue
		}
		env := environ(pid)
		if !slices.Contains(env, envState+"="+h.id) {
			continue
		}
		found = append(found, member{
			identity: identity{PID: pid, Start: s.start, Boot: h.boot},
			instance: value(env, envInstance), probe: value(env, envProbe) != "",
		})
	}
	return found, nil
}

// family finds every process of an instance: those that carry its mark,
// wherever they went, and those of its leader's session, whatever they did to
// their environment. A leader that was reaped by another has no session to
// speak of any more: its number may be somebody else's.
func (h *Host) family(instance string, leader *process) finder {
	return func() ([]identity, error) {
		marked, err := h.marked()
		if err != nil {
			return nil, err
		}
		var found []identity
		for _, m := range marked {
			if m.instance == instance {
				found = append(found, m.identity)
			}
		}
		if leader == nil {
			return found, nil
		}
		session, err := h.session(leader.id)
		for _, id := range session {
			if !slices.Contains(found, id) {
				found = append(found, id)
			}
		}
		return found, err
	}
}

// session lists the living processes of the session that leader leads.
func (h *Host) session(leader identity) ([]identity, error) {
	all, err := pids()
	if err != nil {
		return nil, err
	}
	var found []identity
	for _, pid := range all {
		s, err := readStat(pid)
		if err == nil && s.session == leader.PID && !s.dead() {
			found = append(found, identity{PID: pid, Start: s.start, Boot: h.boot})
		}
	}
	// While the leader keeps its pid, be it as a zombie, so did its session.
	if s, err := readStat(leader.PID); err != nil || s.start != leader.Start {
		return nil, nil //nolint:nilerr // it has ended, and its session cannot be told
	}
	return found, nil
}

// end ends all processes that find finds: SIGTERM, and SIGKILL to those that
// are left after grace. It returns when none is left or ctx ends.
func (h *Host) end(ctx context.Context, find finder, grace time.Duration) error {
	if grace > 0 {
		gentle, cancel := context.WithTimeout(ctx, grace)
		err := h.signalUntilGone(gentle, find, syscall.SIGTERM)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	sure, cancel := context.WithTimeout(ctx, killLimit)
	defer cancel()
	return h.signalUntilGone(sure, find, syscall.SIGKILL)
}

// signalUntilGone signals each process once, those that appear meanwhile too.
func (h *Host) signalUntilGone(ctx context.Context, find finder, sig syscall.Signal) error {
	told := map[identity]bool{}
	for {
		found, err := find()
		if err != nil || len(found) == 0 {
			return err
		}
		handles, err := h.signalNew(ctx, found, told, sig)
		if err = errors.Join(err, waitAll(ctx, handles)); err != nil {
			return err
		}
	}
}

// signalNew signals those found that were not told yet, and returns handles on
// all that still run.
func (h *Host) signalNew(ctx context.Context, found []identity, told map[identity]bool, sig syscall.Signal) ([]*process, error) {
	var handles []*process
	for _, id := range found {
		p, err := openProcess(id)
		if errors.Is(err, errGone) {
			continue
		}
		if err != nil {
			return handles, err
		}
		handles = append(handles, p)
		if told[id] {
			continue
		}
		told[id] = true
		if err := p.signal(sig); err != nil { // it may end all the same
			h.log.WarnContext(ctx, "a process cannot be signalled", slog.Int("pid", id.PID), slog.Any("error", err))
		}
	}
	return handles, nil
}

// waitAll waits for all processes to end, and gives the handles up.
func waitAll(ctx context.Context, handles []*process) error {
	var failure error
	for _, p := range handles {
		if failure == nil {
			failure = p.wait(ctx)
		}
		p.close()
	}
	return failure
}
