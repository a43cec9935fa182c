//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/template"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/cluster"
	"github.com/davit-dev/davit/e2e/rig"
)

// fleet is the davit.yaml of many environments of a small application, whose
// traffic goes by the numbers of instances: there is no Gateway.
const fleet = `application: {{.Application}}
services:
  web: {image: "docker.io/davit/none:${version}", imagePullPolicy: Never, port: 8080, replicas: 2, drain: 1s, grace: 1s}
routes: [{prefix: /, service: web}]
environments:
{{- range .Environments}}
  {{.}}: {platform: kubernetes, kubernetes: {namespace: {{$.Space}}}, strategy: {rolling: {batch: 1, maxSurge: 1, bake: 0s}}, deadline: 10m, rollbackWindow: 0s}
{{- end}}
`

// measureEnvironments rolls more and more environments at once.
func measureEnvironments(ctx context.Context, b *bench) error {
	if !b.kube.Own() {
		return cluster.ErrForeign
	}
	set, err := connect()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	wait, err := startKubelet(ctx, set, 10_000)
	if err != nil {
		stop()
		return err
	}
	defer func() {
		stop()
		_ = wait() // it has no errors
	}()
	fmt.Fprintf(b.out, "%12s  %10s  %12s  %14s  %10s  %s\n", "environments", "took", "calls", "calls for each", "memory", "lists and gets")
	for _, n := range []int{b.count / 4, b.count / 2, b.count} {
		if err := in(ctx, func(space rig.Space) error { return b.fleet(ctx, space, n) }); err != nil {
			return err
		}
	}
	return nil
}

// fleet deploys a first release to n environments, and a second one to all of them
// at once.
func (b *bench) fleet(ctx context.Context, space rig.Space, n int) (err error) {
	r, err := rig.New(ctx, rig.Options{Davit: b.davit, Space: space, Gateless: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close(ctx)) }()
	const ofEach = 25 // environments of an application
	all := map[string][]string{}
	for i := range n {
		application := fmt.Sprintf("fleet-%d", i/ofEach)
		all[application] = append(all[application], fmt.Sprintf("e%03d", i))
	}
	for application, names := range all {
		var file bytes.Buffer
		values := map[string]any{"Application": application, "Environments": names, "Space": space.Name}
		if err := template.Must(template.New("").Parse(fleet)).Execute(&file, values); err != nil {
			return fmt.Errorf("writing %s.yaml: %w", application, err)
		}
		if err := r.Write(application+".yaml", file.String()); err != nil {
			return err
		}
	}
	if err := r.Start(ctx); err != nil {
		return err
	}
	if err := deployAll(ctx, r, all, "v1"); err != nil {
		return err
	}
	before, err := b.kube.Requests(agent)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := deployAll(ctx, r, all, "v2"); err != nil {
		return err
	}
	took := time.Since(began)
	after, err := b.kube.Requests(agent)
	if err != nil {
		return err
	}
	most, err := peak(r.Server())
	if err != nil {
		return err
	}
	read := 0
	for _, q := range after[len(before):] {
		if q.Verb == "get" || q.Verb == "list" {
			read++
		}
	}
	calls := len(after) - len(before)
	fmt.Fprintf(b.out, "%12d  %10s  %12d  %14.1f  %7d MB  %d\n", n, took.Round(10*time.Millisecond), calls, float64(calls)/float64(n), most>>20, read)
	return nil
}

// deployAll deploys a version to all environments of all applications, and waits
// until all are promoted.
func deployAll(ctx context.Context, r *rig.Rig, all map[string][]string, version string) error {
	const commands = 8 // at once
	var tasks errgroup.Group
	tasks.SetLimit(commands)
	for application, names := range all {
		for _, name := range names {
			tasks.Go(func() error {
				result, err := r.Run(ctx, "deploy", name, version, "--file", application+".yaml", "--detach")
				if err == nil && result.Exit != 0 {
					err = fmt.Errorf("davit deploy %s %s exited %d: %s", name, version, result.Exit, result.Stderr)
				}
				return err
			})
		}
	}
	if err := tasks.Wait(); err != nil {
		return err
	}
	for {
		left, err := underWay(ctx, r, version)
		if err != nil || left == 0 {
			return err
		}
		select {
		case <-time.After(time.Second): // the measurement's resolution
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// underWay returns how many environments have a rollout, and an error when one
// without has another version than the one that was deployed.
func underWay(ctx context.Context, r *rig.Rig, version string) (int, error) {
	result, err := r.Run(ctx, "status", "--output", "json")
	if err != nil {
		return 0, err
	}
	var list []davit.Environment
	if err := json.Unmarshal([]byte(result.Stdout), &list); err != nil {
		return 0, fmt.Errorf("reading what davit status wrote: %w: %s", err, result.Stderr)
	}
	left := 0
	for _, e := range list {
		switch {
		case e.Rollout != "":
			left++
		case e.Stable.Short() != version:
			return 0, fmt.Errorf("%s has %s, and not %s", e.Name, e.Stable.Short(), version)
		}
	}
	return left, nil
}

// peak returns the most memory that a process has had resident, in bytes: VmHWM of
// proc_pid_status(5), which is in KiB.
func peak(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("reading the memory of a process: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if value, is := strings.CutPrefix(line, "VmHWM:"); is {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("the status of process %d has no VmHWM", pid)
}
