package server_test

import (
	"context"
	"net"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/client"
	"github.com/davit-dev/davit/internal/server"
)

// TestSocketOutlivesItsListener closes listeners and listens on their sockets
// again, as the next server does: who called meanwhile is answered.
func TestSocketOutlivesItsListener(t *testing.T) {
	path := socket(t)
	unix := listenUnix(t, path)
	tcp, err := server.ListenTCP(server.TCPOptions{Address: "127.0.0.1:0", Tokens: tokens(t)})
	if err != nil {
		t.Fatal(err)
	}
	var next []server.Listener
	for _, l := range []server.Listener{unix, tcp} {
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, isUnix := l.Addr().(*net.UnixAddr); isUnix {
			l, err = server.InheritUnix(f)
		} else {
			l, err = server.ListenTCP(server.TCPOptions{Address: l.Addr().String(), Tokens: tokens(t), Socket: f})
		}
		if err != nil {
			t.Fatal(err)
		}
		next = append(next, l)
	}
	answers := make(chan error, len(next))
	for _, c := range []*client.Client{dial(t, "unix:"+path, ""), dial(t, "http://"+tcp.Addr().String(), ciToken)} {
		go func() { _, err := c.Version(t.Context()); answers <- err }() // before anybody accepts
	}
	serve(t, newFake(), nil, next...)
	for range next {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

// upgrades notes who asked for an upgrade.
type upgrades struct{ by string }

func (u *upgrades) Upgrade(_ context.Context, r api.Upgrade, actor string) (*api.UpgradeStatus, error) {
	u.by = actor
	return &api.UpgradeStatus{ID: "u1", Phase: api.UpgradeSwitching, To: r.Binary}, nil
}

func (u *upgrades) UpgradeStatus() *api.UpgradeStatus {
	return &api.UpgradeStatus{Phase: api.UpgradeNone}
}

// TestUpgradeIsAskedForOnTheMachine refuses tokens: they are for deploying, not
// for running programs as the server's user.
func TestUpgradeIsAskedForOnTheMachine(t *testing.T) {
	path, u := socket(t), &upgrades{}
	tcp, err := server.ListenTCP(server.TCPOptions{Address: "127.0.0.1:0", Tokens: tokens(t)})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, newFake(), func(c *server.Config) { c.Upgrader = u }, listenUnix(t, path), tcp)
	request := api.Upgrade{Binary: "/usr/local/bin/davit"}
	remote := dial(t, "http://"+tcp.Addr().String(), ciToken)
	if _, err := remote.Upgrade(t.Context(), request); davit.ErrorCode(err) != davit.CodeRefused || u.by != "" {
		t.Errorf("with a token: %v, and %q has asked", err, u.by)
	}
	status, err := dial(t, "unix:"+path, "").Upgrade(t.Context(), request)
	if err != nil || status.To != request.Binary || u.by == "" {
		t.Errorf("on the machine: %+v, %v, asked by %q", status, err, u.by)
	}
	if status, err := remote.UpgradeStatus(t.Context()); err != nil || status.Phase != api.UpgradeNone {
		t.Errorf("the status with a token: %+v, %v", status, err)
	}
	if _, err := dial(t, "unix:"+path, "").Upgrade(t.Context(), api.Upgrade{Binary: "davit"}); davit.ErrorCode(err) != davit.CodeInvalid {
		t.Errorf("a relative path: %v", err)
	}
}
