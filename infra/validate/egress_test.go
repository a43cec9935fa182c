package validate

import (
	"strings"
	"testing"

	"github.com/davit-dev/davit/infra/validate/bicep"
)

// Nodes reach a public API server by the address of the NAT gateway, which is among
// the ranges that are let in: Terraform's own test of the module says so of it. The
// address is known when it is made, and the policies hold before.
func TestNodesReachAPublicAPIServer(t *testing.T) {
	p, refusal := copyTree(t).plan(t, "staging", `-var=api_server_authorized_ranges=["203.0.113.0/24"]`)
	if refusal != "" {
		t.Fatal(refusal)
	}
	for _, v := range judge(t, p.document(t)) {
		t.Error(v)
	}

	d := deployment(t, "staging", "apiServerAuthorizedRanges", "['203.0.113.0/24']")
	ranges := list(properties(d, "cluster", "cluster")["apiServerAccessProfile"].(map[string]any)["authorizedIPRanges"])
	address, _ := ranges[len(ranges)-1].(bicep.Runtime)
	if len(ranges) != 2 || ranges[0] != "203.0.113.0/24" || !strings.HasSuffix(string(address), "/publicIPAddresses/pip-davit-staging-weu-egress.properties.ipAddress/32") {
		t.Errorf("Bicep lets in %v", ranges)
	}
}
