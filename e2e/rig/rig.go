//go:build linux

// Package rig deploys the example application to a cluster as a user would, with
// the davit binary, under live traffic, for tests and benchmarks that break
// things and measure what the users notice.
package rig

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"text/template"
	"time"
)

const (
	application = "shop"
	production  = "production" // the environment that every rig has
)

//go:embed files
var files embed.FS

// Options say what a rig is made of.
type Options struct {
	// Davit is the binary.
	Davit string
	// Space is where the shop runs.
	Space Space
	// Kubeconfig is that of the server; what kubectl would read when it is "".
	Kubeconfig string
	// Prometheus is the URL of the one that counts requests; "" when there is none.
	Prometheus string
	// NodePatience and ProbePatience are the environment's; "" is the default.
	NodePatience, ProbePatience string
	// Replicas of the api; 3 when it is 0.
	Replicas int
	// Gateless is for a cluster without a Gateway: there is no front door, unless the
	// rig is given one.
	Gateless bool
	// Beside are further environments of the application.
	Beside []Environment
	// Remote are the variables that lead davit to a server that somebody else runs;
	// nil when the rig starts its own.
	Remote []string
}

// Environment is where the application runs.
type Environment struct {
	Name                string
	Space               Space
	Kubeconfig, Context string // "" is what kubectl would read, and its current one
}

// Rig is an installation of Davit in a folder of its own, and a namespace of a
// cluster that it deploys the shop to.
type Rig struct {
	Options
	Front Front

	environment  string        // that is deployed to
	environments []Environment // all that there are

	dir    string
	server *exec.Cmd     // nil while none runs
	ended  chan struct{} // closed when it has ended
}

// New makes the folder. There is no server yet.
func New(ctx context.Context, o Options) (*Rig, error) {
	var front Front
	var err error
	if !o.Gateless {
		if front, err = FindFront(ctx); err != nil {
			return nil, err
		}
	}
	if o.Davit, err = filepath.Abs(o.Davit); err != nil {
		return nil, fmt.Errorf("finding the davit binary: %w", err)
	}
	if o.Replicas == 0 {
		o.Replicas = 3
	}
	dir, err := os.MkdirTemp("", "davit-rig-") // short: there will be a unix socket
	if err != nil {
		return nil, fmt.Errorf("making a folder for a rig: %w", err)
	}
	r := &Rig{
		Options: o, Front: front, dir: dir, environment: production,
		environments: append([]Environment{{Name: production, Space: o.Space, Kubeconfig: o.Kubeconfig}}, o.Beside...),
	}
	for _, name := range []string{"api.yaml", "worker.yaml"} {
		data, err := files.ReadFile("files/" + name)
		if err != nil {
			return nil, err
		}
		if err := r.Write(name, string(data)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// At is the rig, deploying to another of its environments. Its server is the first
// one's to start and to end.
func (r *Rig) At(e Environment) *Rig {
	at := *r
	at.environment, at.Space = e.Name, e.Space
	return &at
}

// Write writes a file below the rig's folder.
func (r *Rig) Write(name, content string) error {
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("writing for a rig: %w", err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return fmt.Errorf("writing for a rig: %w", err)
	}
	return nil
}

// Fault gives a version faults, in the JSON that the shop reads.
func (r *Rig) Fault(version, faults string) error {
	return r.Write("releases/"+version+".json", faults)
}

// settle writes the davit.yaml of a strategy, and the faults of a version that was
// given none.
func (r *Rig) settle(s Strategy, version string) (file string, err error) {
	if _, err := os.Stat(filepath.Join(r.dir, "releases", version+".json")); err != nil {
		if err := r.Fault(version, "{}"); err != nil {
			return "", err
		}
	}
	text, err := template.ParseFS(files, "files/davit.yaml.tmpl")
	if err != nil {
		return "", fmt.Errorf("reading the template of davit.yaml: %w", err)
	}
	var all bytes.Buffer
	err = text.Execute(&all, struct {
		*Rig
		Strategy
		Environments []Environment
	}{r, s, r.environments})
	if err != nil {
		return "", fmt.Errorf("writing davit.yaml: %w", err)
	}
	// One for each environment: they may be deployed to at the same time.
	name := "davit-" + r.environment + ".yaml"
	return filepath.Join(r.dir, name), r.Write(name, all.String())
}

// Close ends the server and removes the folder. What is on the cluster goes with
// its namespace.
func (r *Rig) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	var err error
	if r.server == nil && r.Remote == nil { // so that it ends the proxy that the last one left
		err = r.Start(ctx)
	}
	return errors.Join(err, r.Break(syscall.SIGTERM), os.RemoveAll(r.dir))
}
