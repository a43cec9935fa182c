package client

import (
	"bytes"
	"context"
	"net/url"
)

// Receipt returns the signed receipt of a rollout that has ended, as a file.
func (c *Client) Receipt(ctx context.Context, rollout string) ([]byte, error) {
	return c.document(ctx, rollout, "receipt")
}

// Samples returns what was sampled of a rollout, as JSON.
func (c *Client) Samples(ctx context.Context, rollout string) ([]byte, error) {
	return c.document(ctx, rollout, "samples")
}

func (c *Client) document(ctx context.Context, rollout, name string) ([]byte, error) {
	var b bytes.Buffer
	err := c.copy(ctx, "/v1/rollouts/"+url.PathEscape(rollout)+"/"+name, &b)
	return b.Bytes(), err
}
