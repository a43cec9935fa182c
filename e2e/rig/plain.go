//go:build linux

package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"text/template"
)

// Shop runs a version of the shop as plain objects behind the Gateway, with pods
// that wait for some seconds before they end, and waits until they are ready.
func (s Space) Shop(ctx context.Context, front Front, version string, preStop int) error {
	err := s.apply(ctx, "shop.yaml", map[string]any{"Image": ShopImage(version), "Front": front, "Host": s.Host(), "PreStop": preStop})
	if err != nil {
		return err
	}
	return s.RolledOut(ctx, "web", "api", "worker")
}

// Split runs two versions of the api as plain objects, and splits the traffic
// between them in half.
func (s Space) Split(ctx context.Context, front Front, versions ...string) error {
	images := map[string]string{}
	for _, v := range versions {
		images[v] = ShopImage(v)
	}
	if err := s.apply(ctx, "split.yaml", map[string]any{"Images": images, "Front": front, "Host": s.Host()}); err != nil {
		return err
	}
	for v := range images {
		if err := s.RolledOut(ctx, "api-"+v); err != nil {
			return err
		}
	}
	return nil
}

// Weigh gives the versions of a Split their weights.
func (s Space) Weigh(ctx context.Context, weights map[string]int) error {
	type backend struct {
		Name   string `json:"name"`
		Port   int    `json:"port"`
		Weight int    `json:"weight"`
	}
	var backends []backend
	for v, weight := range weights {
		backends = append(backends, backend{"api-" + v, 80, weight})
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"rules": []any{map[string]any{"backendRefs": backends}}}})
	if err != nil {
		return fmt.Errorf("encoding weights: %w", err)
	}
	_, err = s.Kubectl(ctx, "patch", "httproute", "api", "--type=merge", "--patch="+string(patch))
	return err
}

// Answers returns what asks whether a path of the namespace's host answers as it
// should.
func (s Space) Answers(front Front, path string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+front.Address+path, http.NoBody)
		if err != nil {
			return err
		}
		request.Host = s.Host()
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close() //nolint:errcheck // only its status counts
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", path, response.Status)
		}
		return nil
	}
}

// RolledOut waits until deployments run as declared.
func (s Space) RolledOut(ctx context.Context, deployments ...string) error {
	for _, d := range deployments {
		if _, err := s.Kubectl(ctx, "rollout", "status", "deployment/"+d, "--timeout=2m"); err != nil {
			return err
		}
	}
	return nil
}

// apply applies a template of the files.
func (s Space) apply(ctx context.Context, name string, values any) error {
	text, err := template.ParseFS(files, "files/"+name)
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	var manifest strings.Builder
	if err := text.Execute(&manifest, values); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	_, err = s.Feed(ctx, manifest.String(), "apply", "--filename=-")
	return err
}
