//go:build e2e

package kubernetes

import (
	"fmt"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/davit-dev/davit"
)

// An environment belongs to the installation that deployed first; another one neither
// pins nor declares nor routes there, until nothing runs there any more.
func TestClaim(t *testing.T) {
	b := newBench(t)
	ours, theirs := b.connect(), b.connect()
	ours.server, theirs.server = "ours", "theirs"
	our, their := ours.Runtime("shop", "production"), theirs.Runtime("shop", "production")
	r := web(t, "v1")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(our.Declare(t.Context(), r, davit.Size{"web": 1}))
	must(our.Declare(t.Context(), r, davit.Size{"web": 2}))
	b.poll("the other one to see it", func() bool { return theirs.holder(our.scope) == "ours" })
	_, pin := their.Pin(t.Context(), r.Config.Services["web"])
	for what, err := range map[string]error{
		"Pin": pin, "Claim": their.Claim(t.Context()), "Declare": their.Declare(t.Context(), r, nil),
		"Route": theirs.Router("shop", "production", GatewayOptions{}).Route(t.Context(), davit.Routing{}),
	} {
		if davit.ErrorCode(err) != davit.CodeRefused {
			t.Errorf("%s: %v, want a refusal", what, err)
		}
	}
	if err := theirs.Runtime("shop", "staging").Claim(t.Context()); err != nil {
		t.Errorf("another environment: %v", err)
	}
	must(our.Declare(t.Context(), r, nil))
	b.poll("the other one to see that it is nobody's", func() bool { return theirs.holder(our.scope) == "" })
	must(their.Claim(t.Context()))
}

// Of installations that claim an environment at the same time one gets it, whichever
// watch is behind.
func TestClaimAtOnce(t *testing.T) {
	b := newBench(t)
	all := make([]*Cluster, 4)
	for i := range all {
		all[i] = b.connect()
		all[i].server = fmt.Sprintf("installation-%d", i)
		if err := all[i].ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 10 {
		environment, got := fmt.Sprintf("round-%d", round), make([]error, len(all))
		var claiming sync.WaitGroup
		for i, c := range all {
			claiming.Go(func() { got[i] = c.Runtime("shop", environment).Claim(t.Context()) })
		}
		claiming.Wait()
		holders := 0
		for i, err := range got {
			switch holder := all[i].holder(scope{"shop", environment}); {
			case err == nil && holder == all[i].server:
				holders++
			case davit.ErrorCode(err) != davit.CodeRefused:
				t.Errorf("round %d, installation %d: %v, and it sees %q hold it", round, i, err, holder)
			}
		}
		if holders != 1 {
			t.Errorf("round %d: %d hold it", round, holders)
		}
	}
}

// A claim does not run out, however long ago or far ahead a clock says that it was made.
func TestClaimHeedsNoClock(t *testing.T) {
	b := newBench(t)
	mine := b.connect()
	mine.server = "ours"
	for environment, renewed := range map[string]time.Time{"past": time.Unix(0, 0), "future": time.Now().AddDate(100, 0, 0)} {
		s := scope{"shop", environment}
		_, err := b.admin.CoordinationV1().Leases(b.namespace).Create(t.Context(), &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Name: s.lease(), Labels: s.labels()},
			Spec:       coordinationv1.LeaseSpec{HolderIdentity: new("theirs"), LeaseDurationSeconds: new(int32(1)), RenewTime: new(metav1.NewMicroTime(renewed))},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := mine.Runtime(s.application, s.environment).Claim(t.Context()); davit.ErrorCode(err) != davit.CodeRefused {
			t.Errorf("renewed in the %s: %v, want a refusal", environment, err)
		}
	}
}
