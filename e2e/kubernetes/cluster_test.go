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
	t.Parallel()
	p := newPlace(t)
	p.must(p.Shop(t.Context(), p.front(), "v1", 0))
	p.until("the page of web, which asks api, answers", p.Answers(p.front(), "/"))
	p.until("api answers", p.Answers(p.front(), "/api/products"))
	if logs := p.kubectl("logs", "deployment/api"); !strings.Contains(logs, "listening") {
		t.Errorf("the log of api is %q", logs)
	}
	if out := p.kubectl("exec", "deployment/worker", "--", "/shop", "version"); out != "v1" {
		t.Errorf("the worker says it is %q, want v1", out)
	}
}

// TestRequestsAreSeen counts what kubectl asks the API server for.
func TestRequestsAreSeen(t *testing.T) {
	if !kube.Own() {
		t.Skip(cluster.ErrForeign)
	}
	p := newPlace(t)
	before, err := kube.Requests("kubectl/")
	p.must(err)
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

// ms writes a duration in milliseconds.
func ms(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
