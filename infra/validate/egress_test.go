package validate

import (
	"slices"
	"strings"
	"testing"

	"github.com/davit-dev/davit/infra/validate/bicep"
)

// Nodes reach a public API server by the address of the NAT gateway: in both
// languages it is among the ranges that are let in.
func TestNodesReachAPublicAPIServer(t *testing.T) {
	p, refusal := copyTree(t).plan(t, "staging", `-var=api_server_authorized_ranges=["203.0.113.0/24"]`)
	if refusal != "" {
		t.Fatal(refusal)
	}
	for _, v := range judge(t, p.document(t)) {
		t.Error(v)
	}
	cluster := p.Resources[slices.IndexFunc(p.Resources, func(r Resource) bool { return r.Type == "azurerm_kubernetes_cluster" })]
	const late = "api_server_access_profile.0.authorized_ip_ranges"
	if follow(cluster.Unknown, strings.Split(late, ".")) != true {
		t.Errorf("Terraform knows the ranges %v before there is an address", follow(cluster.Values, strings.Split(late, ".")))
	}

	d := deployment(t, "staging", "apiServerAuthorizedRanges", "['203.0.113.0/24']")
	ranges := list(properties(d, "cluster", "cluster")["apiServerAccessProfile"].(map[string]any)["authorizedIPRanges"])
	address, _ := ranges[len(ranges)-1].(bicep.Runtime)
	if len(ranges) != 2 || ranges[0] != "203.0.113.0/24" || !strings.HasSuffix(string(address), "/publicIPAddresses/pip-davit-staging-weu-egress.properties.ipAddress/32") {
		t.Errorf("Bicep lets in %v", ranges)
	}
}
