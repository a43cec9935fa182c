package proxy

import (
	"context"
	"fmt"

	"github.com/davit-dev/davit"
)

// Replace puts a new proxy in the place of the one that runs, unless that is of
// the given version: the new one is started with the supervisor's command and
// --takeover, takes over the listening sockets, and the old one serves its open
// connections to their end. It returns the versions before and after; after is
// empty when nothing was to be done. After an error the old one goes on.
func (s *Supervisor) Replace(ctx context.Context, version string) (before, after string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status, err := s.client.Status(ctx)
	if err != nil {
		return "", "", fmt.Errorf("looking at the proxy: %w", err)
	}
	if status.Version == version {
		return status.Version, "", nil
	}
	if status.speaks() < takeover {
		return status.Version, "", &davit.Error{Code: davit.CodeUnsupported,
			Message: fmt.Sprintf("the proxy of version %s cannot give its place to another", status.Version),
			Hint:    "it goes on as it is; to replace it, end its process: the server starts a new one, and its open connections are lost"}
	}
	next, err := s.launch(ctx, append(s.command[:len(s.command):len(s.command)], "--takeover"))
	if err != nil {
		s.recover(ctx)
		return status.Version, "", &davit.Error{Code: davit.CodeUnavailable, Message: "the new proxy did not take over", Err: err, Hint: "its log says why: " + s.logPath()}
	}
	s.replaced(next)
	return status.Version, next.identity.Version, nil
}

// replaced makes next the proxy that is watched. The caller holds mu.
func (s *Supervisor) replaced(next *supervised) {
	s.process = next
	if s.unwatch != nil {
		s.unwatch()
	}
}

// recover sees to it that a proxy has the place after one failed to take it: the
// old one has it, unless the new one died at the moment when it had just got it.
// The caller holds mu.
func (s *Supervisor) recover(ctx context.Context) {
	if p, err := s.adopt(ctx); err == nil {
		if s.process != nil && p.identity == s.process.identity {
			_ = p.reap() // it is watched already
			return
		}
		s.replaced(p)
		return
	}
	p, err := s.launch(ctx, s.command)
	if err != nil {
		s.log.Error("no proxy has the place; one is started again", "error", err)
		p = nil
	}
	s.replaced(p)
}
