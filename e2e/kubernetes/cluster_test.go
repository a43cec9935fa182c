//go:build e2e && linux

package kubernetes

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit/e2e/cluster"
)

// TestShopRuns runs the shop as plain objects behind the Gateway.
func TestShopRuns(t *testing.T) {
	p := newPlace(t)
	front := p.front()
	p.apply("shop.yaml", map[string]any{"Image": shopImage("v1"), "Front": front, "Route": p.route(), "PreStop": 0})
	p.rolledOut("web", "api", "worker")
	p.until("the page of web, which asks api, answers", answersOn(front, "/"))
	p.until("api answers", answersOn(front, "/api/products"))
	if logs := p.kubectl("logs", "deployment/api"); !strings.Contains(logs, "listening") {
		t.Errorf("the log of api is %q", logs)
	}
	if out := p.kubectl("exec", "deployment/worker", "--", "/shop", "version"); out != "v1" {
		t.Errorf("the worker says it is %q, want v1", out)
	}
}

// TestProgramsOfTheClusterRestart breaks the cluster in the ways that tests of
// Davit need, and sees the shop serve on.
func TestProgramsOfTheClusterRestart(t *testing.T) {
	if !kube.Own() {
		t.Skip(cluster.ErrForeign)
	}
	p := newPlace(t)
	front := p.front()
	p.apply("shop.yaml", map[string]any{"Image": shopImage("v1"), "Front": front, "Route": p.route(), "PreStop": 0})
	p.rolledOut("web", "api", "worker")
	p.until("api answers", answersOn(front, "/api/products"))
	traffic := p.begin(100, front)
	for _, program := range []string{cluster.APIServer, cluster.Etcd, cluster.ControllerManager, cluster.Scheduler, cluster.Kubelet} {
		if err := kube.Start(t.Context(), program); err == nil {
			t.Errorf("%s was started a second time", program)
		}
		began := time.Now()
		if err := kube.Stop(program); err != nil {
			t.Fatal(err)
		}
		traffic.settle(100)
		if err := kube.Start(t.Context(), program); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s was away for %s", program, time.Since(began).Round(time.Millisecond))
	}
	traffic.end()
	if s := traffic.Snapshot(); s.TotalLost() > 0 {
		t.Errorf("lost %d of %d requests: %+v", s.TotalLost(), s.Sent, s.Samples)
	}
	if err := kube.Kill(cluster.Gateway); err != nil {
		t.Fatal(err)
	}
	if err := kube.Start(t.Context(), cluster.Gateway); err != nil {
		t.Fatal(err)
	}
	p.until("the gateway routes again", answersOn(front, "/api/products"))
	p.kubectl("scale", "deployment/api", "--replicas=4")
	p.rolledOut("api")
}

// TestRequestsAreSeen counts what kubectl asks the API server for.
func TestRequestsAreSeen(t *testing.T) {
	if !kube.Own() {
		t.Skip(cluster.ErrForeign)
	}
	p := newPlace(t)
	before, err := kube.Requests("kubectl/")
	if err != nil {
		t.Fatal(err)
	}
	p.kubectl("create", "configmap", "one")
	p.kubectl("get", "configmaps", "--watch-only", "--request-timeout=1s")
	p.until("both requests are seen", func(context.Context) error {
		after, err := kube.Requests("kubectl/")
		if err != nil {
			return err
		}
		counts := map[string]int{}
		for _, r := range after[len(before):] {
			if r.Object == "configmaps" && r.User == "admin" {
				counts[r.Verb+" "+strconv.Itoa(r.Status)]++
			}
		}
		if counts["create 201"] != 1 || counts["watch 200"] != 1 {
			return fmt.Errorf("%v", counts)
		}
		return nil
	})
}
