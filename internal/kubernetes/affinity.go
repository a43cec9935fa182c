package kubernetes

import (
	"context"
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// sessionCookie is what a Gateway that keeps users at a release remembers that by.
const sessionCookie = "davit"

// sessions has a Gateway keep users where they were (GEP-1619). It may do so for a
// backend of weight 0 too, so one that is to get nothing is not in its rule at all.
func sessions() *gatewayv1.SessionPersistence {
	return &gatewayv1.SessionPersistence{SessionName: new(sessionCookie), Type: new(gatewayv1.CookieBasedSessionPersistence)}
}

// keepSessions refuses routes whose sessions the Gateway API as it is installed does not
// know: the field is of its experimental channel. Whether the Gateway heeds it, its
// answers say.
func (a api) keepSessions(ctx context.Context, routes []*gatewayv1.HTTPRoute) error {
	ctx, cancel := context.WithTimeout(ctx, acceptance)
	defer cancel()
	for _, route := range routes {
		if route.Kind != httpRoute {
			continue
		}
		data, err := configuration(route)
		if err != nil {
			return err
		}
		taken, err := a.routes().patch(ctx, route.Name, types.ApplyPatchType, data, metav1.PatchOptions{
			FieldManager: fieldManager, Force: new(true), DryRun: []string{metav1.DryRunAll},
		})
		sticky := func(r gatewayv1.HTTPRouteRule) bool { return r.SessionPersistence != nil }
		switch {
		case err != nil && !strings.Contains(err.Error(), "sessionPersistence"):
			return refusal(doing("trying", httpRoute, route.Name), err)
		case err != nil || slices.ContainsFunc(route.Spec.Rules, sticky) && !slices.ContainsFunc(taken.Spec.Rules, sticky):
			return &davit.Error{
				Code: davit.CodeUnsupported, Message: "the Gateway API on the cluster has no session persistence, which affinity: needs",
				Hint: "install its experimental channel, if the Gateway offers it; or leave affinity: out", Err: err,
			}
		}
	}
	return nil
}

// cookieOf returns the cookie by which an answer has its user stay; "" without one.
func cookieOf(answer *http.Response) string {
	for _, c := range answer.Cookies() {
		if c.Name == sessionCookie {
			return c.Name + "=" + c.Value
		}
	}
	return ""
}

// returns is how often a user comes back to see that it stays.
const returns = 20

// unheeded says why the Gateway does not keep users, as the answers of a test and those
// to a user who comes back show it; "" when they show nothing of the kind. The user is
// one whom a Gateway that keeps nobody would lead elsewhere soonest.
func (o *observer) unheeded(ctx context.Context, t target, test *splitTest) string {
	if len(test.cookies) == 0 {
		return "; no answer has its user stay, so the Gateway does not heed affinity:"
	}
	var home davit.ReleaseID
	for id := range test.cookies {
		if test.wanted[id] > 0 && (home == "" || test.wanted[id] < test.wanted[home]) {
			home = id
		}
	}
	if home == "" || test.wanted[home] == 1 {
		return ""
	}
	t.cookie = test.cookies[home]
	for range returns {
		a := o.door.ask(ctx, t, "")
		if a.err != nil { // the step is not to wait for a door that hangs
			return ""
		}
		if id := o.known[a.release]; id != "" && id != home {
			return "; a user who came back met another release, so the Gateway does not heed affinity:"
		}
	}
	return ""
}
