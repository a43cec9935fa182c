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
		lost := func(r gatewayv1.HTTPRouteRule) bool { return r.SessionPersistence != nil }
		switch {
		case err != nil && !strings.Contains(err.Error(), "sessionPersistence"):
			return refusal(doing("trying", httpRoute, route.Name), err)
		case err != nil || slices.ContainsFunc(route.Spec.Rules, lost) && !slices.ContainsFunc(taken.Spec.Rules, lost):
			return &davit.Error{
				Code: davit.CodeUnsupported, Message: "the Gateway API on the cluster has no session persistence, which affinity: needs",
				Hint: "install its experimental channel, if the Gateway offers it; or leave affinity: out", Err: err,
			}
		}
	}
	return nil
}

// keeps reports whether an answer has a user stay.
func keeps(answer *http.Response) bool {
	return slices.ContainsFunc(answer.Cookies(), func(c *http.Cookie) bool { return c.Name == sessionCookie })
}
