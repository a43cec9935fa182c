//go:build linux

package rig

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Space is a namespace of the cluster that kubectl reaches.
type Space struct{ Name string }

// Host is the namespace's own at the Gateway that all share.
func (s Space) Host() string { return s.Name + ".example.org" }

// Kubectl runs kubectl in the namespace, and returns what it prints.
func (s Space) Kubectl(ctx context.Context, args ...string) (string, error) {
	return s.Feed(ctx, "", args...)
}

// Feed runs kubectl with an input.
func (s Space) Feed(ctx context.Context, input string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "kubectl", append([]string{"--namespace=" + s.Name}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// Make makes the namespace.
func (s Space) Make(ctx context.Context) error {
	_, err := s.Kubectl(ctx, "create", "namespace", s.Name)
	return err
}

// Remove removes what others would share the Gateway with, and has the cluster
// remove the rest.
func (s Space) Remove(ctx context.Context) error {
	if _, err := s.Kubectl(ctx, "delete", "httproutes,grpcroutes", "--all"); err != nil {
		return err
	}
	_, err := s.Kubectl(ctx, "delete", "namespace", s.Name, "--wait=false")
	return err
}

// Front is the front door: a Gateway of the cluster, or a Service.
type Front struct {
	Namespace, Name string // of the Gateway; "" when it is a Service
	Address         string // host:port for HTTP
}

// FindFront returns the Gateway that routes attach to: what GATEWAY names, or the
// one of the tests' own cluster.
func FindFront(ctx context.Context) (Front, error) {
	var f Front
	var ok bool
	if f.Namespace, f.Name, ok = strings.Cut(cmp.Or(os.Getenv("GATEWAY"), "default/front"), "/"); !ok {
		return f, fmt.Errorf("GATEWAY is %q, want NAMESPACE/NAME", os.Getenv("GATEWAY"))
	}
	out, err := Space{f.Namespace}.Kubectl(ctx, "get", "gateway", f.Name, "--output=json")
	if err != nil {
		return f, err
	}
	var g struct {
		Spec struct {
			Listeners []struct {
				Port     int
				Protocol string
			}
		}
		Status struct{ Addresses []struct{ Value string } }
	}
	if err := json.Unmarshal([]byte(out), &g); err != nil {
		return f, fmt.Errorf("reading the Gateway %s/%s: %w", f.Namespace, f.Name, err)
	}
	for _, l := range g.Spec.Listeners {
		if l.Protocol == "HTTP" && len(g.Status.Addresses) > 0 {
			f.Address = net.JoinHostPort(g.Status.Addresses[0].Value, strconv.Itoa(l.Port))
			return f, nil
		}
	}
	return f, fmt.Errorf("the Gateway %s/%s has no address for HTTP: %+v", f.Namespace, f.Name, g)
}

// Until asks until the answer is nil, for five minutes at most: the world that is asked
// tells nobody when it changes.
func Until(ctx context.Context, what string, ask func(context.Context) error) error {
	const period = 20 * time.Millisecond
	return until(ctx, period, what, ask)
}

func until(ctx context.Context, period time.Duration, what string, ask func(context.Context) error) error {
	const limit = 5 * time.Minute // on a machine that others load
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	last := errors.New("nothing was said")
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		err := ask(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() == nil:
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w", what, last)
		case <-ticker.C:
		}
	}
}
