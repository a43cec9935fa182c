package main

import (
	"cmp"
	"context"
	"net/url"

	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/client"
	"github.com/davit-dev/davit/internal/release"
	"github.com/davit-dev/davit/internal/release/changelog"
)

// serverRecorder has releases recorded in the audit log of a server.
type serverRecorder struct {
	client                  *client.Client
	application, repository string
}

var _ release.Recorder = (*serverRecorder)(nil)

// recorder returns what records the releases of a runner; nil when no server is
// named and none runs here. A server that is named has to answer before
// anything is written.
func (r *releaseCommand) recorder(ctx context.Context, runner *release.Runner) (*serverRecorder, error) {
	c, err := r.app.client()
	if err != nil {
		return nil, err
	}
	if _, err := c.Version(ctx); err != nil {
		if r.app.own() && nobodyListens(err) {
			return nil, nil
		}
		return nil, err
	}
	address, err := runner.Repo.Config(ctx, "remote."+runner.Config.Remote+".url")
	if err != nil {
		return nil, err
	}
	return &serverRecorder{c, runner.Config.Application, repositoryName(address, runner.Links)}, nil
}

// repositoryName returns a remote's address without its credentials.
func repositoryName(address string, links changelog.Links) string {
	if links.Repository != "" {
		return links.Host + "/" + links.Repository
	}
	if u, err := url.Parse(address); err == nil {
		u.User = nil
		return cmp.Or(u.String(), address)
	}
	return address
}

// RecordRelease records a release; recording it again changes nothing.
func (s *serverRecorder) RecordRelease(ctx context.Context, r release.Released) (added bool, err error) {
	return s.client.RecordRelease(ctx, api.Released{
		Application: s.application, Repository: s.repository, Package: r.Package, Version: r.Version.String(),
		Tag: r.Tag, Commit: r.Commit, Digest: r.Digest, Notes: r.Notes, Page: r.Page,
	})
}
