package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/client"
)

func (a *app) upgradeCommand() *cobra.Command {
	var binary string
	var proxy bool
	cmd := &cobra.Command{
		Use:   "upgrade",
		Short: "Put this version in the place of the server and proxy that run",
		Long: `Put another program in the place of the server that runs, and of its proxy if that
is of another version. No request and no connection is lost, and rollouts go on:
the new server takes over sockets, instances and what is under way; the new proxy
takes over the listening sockets, and the old one serves its open connections to
their end.

A program that cannot take over changes nothing: the server that runs goes on.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.upgrade(cmd.Context(), binary, proxy) },
	}
	cmd.Flags().StringVar(&binary, "binary", "", "program to put in place (default the one that runs this command)")
	cmd.Flags().BoolVar(&proxy, "proxy", true, "upgrade the proxy too; --proxy=false leaves it alone")
	return cmd
}

func (a *app) upgrade(ctx context.Context, binary string, proxy bool) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	if binary, err = programPath(binary); err != nil {
		return err
	}
	status, err := c.Upgrade(ctx, api.Upgrade{Binary: binary, Proxy: proxy})
	if err != nil {
		return err
	}
	if status, err = awaitUpgrade(ctx, c, status); err != nil {
		return err
	}
	if a.json() {
		if err := a.writeJSON(status); err != nil {
			return err
		}
	}
	if status.Phase == api.UpgradeFailed {
		if !a.json() {
			fmt.Fprint(a.stderr, errorText(upgradeError(status)))
		}
		return outcome(exitFailed)
	}
	if !a.json() {
		fmt.Fprint(a.stdout, upgradeText(status, proxy))
	}
	return nil
}

// programPath returns the absolute path of the program; that of this one for "".
func programPath(binary string) (string, error) {
	if binary == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("finding the program to upgrade to: %w", err)
		}
		return self, nil
	}
	path, err := filepath.Abs(binary)
	if err != nil {
		return "", fmt.Errorf("finding the program to upgrade to: %w", err)
	}
	return path, nil
}

// How long an upgrade is followed while no server answers, and how often it is
// looked at.
const (
	upgradePatience = time.Minute
	upgradeLook     = 50 * time.Millisecond
)

// awaitUpgrade asks whichever server answers until the upgrade is over.
func awaitUpgrade(ctx context.Context, c *client.Client, status *api.UpgradeStatus) (*api.UpgradeStatus, error) {
	id, to := status.ID, status.To
	look := time.NewTicker(upgradeLook) // the servers change, so none can announce it
	defer look.Stop()
	for answered := time.Now(); status.Phase != api.UpgradeDone && status.Phase != api.UpgradeFailed; {
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		now, err := c.UpgradeStatus(ctx)
		switch {
		case err == nil && now.ID == id:
			status, answered = now, time.Now()
		case err == nil:
			return nil, &davit.Error{Code: davit.CodeInternal, Message: fmt.Sprintf("the server was interrupted in the middle of its upgrade to %s; version %s serves now", to, now.Server),
				Hint: "run davit upgrade again"}
		case davit.ErrorCode(err) != davit.CodeUnavailable || time.Since(answered) > upgradePatience:
			return nil, err
		}
	}
	return status, nil
}

// upgradeError says what of an upgrade failed, and what serves.
func upgradeError(s *api.UpgradeStatus) error {
	what := fmt.Sprintf("not upgraded: version %s goes on serving", s.Server)
	if s.Server == s.To && s.From != s.To {
		what = fmt.Sprintf("the server is upgraded to %s, and the proxy is not: version %s goes on serving", s.To, s.ProxyFrom)
	}
	return &davit.Error{Message: what, Err: fmt.Errorf("%s", s.Error), Hint: s.Hint}
}

func upgradeText(s *api.UpgradeStatus, proxy bool) string {
	text := fmt.Sprintf("server  %s -> %s\n", s.From, s.To)
	switch {
	case s.ProxyTo != "":
		text += fmt.Sprintf("proxy   %s -> %s; the old one serves its open connections to their end\n", s.ProxyFrom, s.ProxyTo)
	case proxy:
		text += fmt.Sprintf("proxy   %s already\n", s.ProxyFrom)
	}
	return text
}
