package client

import (
	"context"
	"net/http"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

// Adopt takes over an application that runs on the platform already, or tells what
// that would do. It returns when the release serves.
func (c *Client) Adopt(ctx context.Context, application, environment string, a api.Adoption) (*api.Adopted, error) {
	return call[api.Adopted](ctx, c, http.MethodPost, place(application, environment)+"/adopt", a)
}

// Disown leaves the environment running on its platform without Davit, and begins to
// take Davit's part away.
func (c *Client) Disown(ctx context.Context, application, environment string, d api.Down) (*davit.Rollout, error) {
	return call[davit.Rollout](ctx, c, http.MethodPost, place(application, environment)+"/disown", d)
}
