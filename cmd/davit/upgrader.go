package main

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/handover"
	"github.com/davit-dev/davit/internal/proxy"
)

// upgrader puts another program in this server's place, and tells how that goes:
// before, in the server that leaves, and after, in the one that came.
type upgrader struct {
	program  handover.Program // with which arguments a successor is started
	sockets  *sockets
	log      *slog.Logger
	prepared chan *handover.Successor // one that is prepared, for the service to step aside
	record   func(context.Context, davit.AuditEntry) error

	mu     sync.Mutex
	status api.UpgradeStatus
	busy   bool // one is under way
	proxy  bool // it includes the proxy
	ended  bool // what became of the server is known, and not on record yet
}

func newUpgrader(program handover.Program, sockets *sockets, before *handover.Predecessor, log *slog.Logger) *upgrader {
	u := &upgrader{program: program, sockets: sockets, log: log, prepared: make(chan *handover.Successor, 1)}
	u.status = api.UpgradeStatus{Phase: api.UpgradeNone, Server: version}
	if before != nil {
		u.status = api.UpgradeStatus{ID: before.ID, Phase: api.UpgradeSwitching, From: before.From, To: version, Actor: before.Actor, Server: version}
		u.busy, u.proxy, u.ended = true, before.Proxy, true
	}
	return u
}

// UpgradeStatus implements server.Upgrader.
func (u *upgrader) UpgradeStatus() *api.UpgradeStatus {
	u.mu.Lock()
	defer u.mu.Unlock()
	status := u.status
	return &status
}

// set changes the status and returns it.
func (u *upgrader) set(change func(*api.UpgradeStatus)) *api.UpgradeStatus {
	u.mu.Lock()
	defer u.mu.Unlock()
	change(&u.status)
	status := u.status
	return &status
}

// over lets the next upgrade begin, after this one has come to its end.
func (u *upgrader) over(change func(*api.UpgradeStatus)) *api.UpgradeStatus {
	defer func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.busy = false
	}()
	return u.set(change)
}

// Upgrade implements server.Upgrader.
func (u *upgrader) Upgrade(ctx context.Context, request api.Upgrade, actor string) (*api.UpgradeStatus, error) {
	id, err := u.begin(request, actor)
	if err != nil {
		return nil, err
	}
	program := u.program
	program.Path = request.Binary
	offer := handover.Offer{ID: id, From: version, Actor: actor, Proxy: request.Proxy}
	successor, err := handover.Start(ctx, program, offer, u.sockets.kept)
	if err != nil {
		u.log.WarnContext(ctx, "an upgrade was asked for and cannot be", "binary", request.Binary, "actor", actor, "error", err)
		return u.fail(err), nil
	}
	entry := davit.AuditEntry{At: time.Now().UTC(), Actor: actor, Action: "server.upgrade",
		Before: served{Server: version}.encode(), After: served{Server: successor.Version(), Binary: request.Binary}.encode()}
	if err := u.record(ctx, entry); err != nil {
		successor.End()
		return u.fail(err), nil
	}
	status := u.set(func(s *api.UpgradeStatus) { s.Phase, s.To = api.UpgradeSwitching, successor.Version() })
	u.prepared <- successor // there is room: one upgrade at a time
	return status, nil
}

// begin refuses a second upgrade while one is under way.
func (u *upgrader) begin(request api.Upgrade, actor string) (id string, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.busy {
		return "", &davit.Error{Code: davit.CodeConflict, Message: "the server is being upgraded already, by " + u.status.Actor, Hint: "wait until that has ended"}
	}
	u.busy, u.proxy = true, request.Proxy
	u.status = api.UpgradeStatus{ID: newID(time.Now()), Phase: api.UpgradePreparing, From: version, Actor: actor, Server: version}
	return u.status.ID, nil
}

// fail ends the upgrade with an error for the person who asked.
func (u *upgrader) fail(err error) *api.UpgradeStatus { return u.over(failed(err)) }

func failed(err error) func(*api.UpgradeStatus) {
	problem := api.NewProblem(err)
	return func(s *api.UpgradeStatus) { s.Phase, s.Error, s.Hint = api.UpgradeFailed, problem.Detail, problem.Hint }
}

// stayed notes that the successor did not take over though it was prepared to.
func (u *upgrader) stayed(err error) {
	u.ended = true
	u.set(failed(&davit.Error{Code: davit.CodeUnavailable, Message: "version " + u.status.To + " did not take over", Err: err,
		Hint: "what it wrote is in the server's log"}))
}

// finish ends the upgrade that brought this server, or that did not take it away:
// the proxy follows, and the outcome is recorded. It is called once in every life
// of the service, when that serves.
func (u *upgrader) finish(ctx context.Context, parts *parts) {
	if !u.ended {
		return
	}
	u.ended = false
	status := u.UpgradeStatus()
	entry := davit.AuditEntry{Actor: status.Actor, Action: "server.upgraded"}
	if status.Phase == api.UpgradeFailed {
		entry.Action = "server.upgrade_failed"
	} else if u.proxy {
		status = u.followed(ctx, parts.platforms.supervisor)
	}
	entry.At, entry.Reason = time.Now().UTC(), status.Error
	entry.Before = served{Server: status.From, Proxy: status.ProxyFrom}.encode()
	entry.After = served{Server: status.Server, Proxy: cmp.Or(status.ProxyTo, status.ProxyFrom)}.encode()
	if err := parts.record(ctx, entry); err != nil {
		u.log.ErrorContext(ctx, "the outcome of an upgrade could not be recorded", "error", err)
	}
	u.over(func(s *api.UpgradeStatus) {
		if *s = *status; s.Phase != api.UpgradeFailed {
			s.Phase = api.UpgradeDone
		}
	})
}

// followed has the proxy follow the server to its version, and returns the status
// as it will be.
func (u *upgrader) followed(ctx context.Context, supervisor *proxy.Supervisor) *api.UpgradeStatus {
	status := u.set(func(s *api.UpgradeStatus) { s.Phase = api.UpgradeProxy })
	before, after, err := supervisor.Replace(ctx, version)
	status.ProxyFrom, status.ProxyTo = before, after
	if err != nil {
		u.log.ErrorContext(ctx, "the proxy could not be upgraded", "error", err)
		failed(err)(status)
	}
	return status
}

// close ends a successor that was prepared when the server stopped.
func (u *upgrader) close() {
	select {
	case successor := <-u.prepared:
		successor.End()
	default:
	}
}

// served is what the audit log says of an upgrade, before and after.
type served struct {
	Server string `json:"server,omitempty"` // version
	Proxy  string `json:"proxy,omitempty"`  // version
	Binary string `json:"binary,omitempty"`
}

func (s served) encode() json.RawMessage {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings encode
	}
	return text
}

// record commits an audit entry that belongs to no environment.
func (p *parts) record(ctx context.Context, entry davit.AuditEntry) error {
	return p.store.Commit(ctx, &davit.Change{Audit: []davit.AuditEntry{entry}})
}
