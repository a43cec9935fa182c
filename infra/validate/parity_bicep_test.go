package validate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/davit-dev/davit/infra/validate/bicep"
)

// instance is a resource that Bicep declares, with what is within it.
type instance struct{ *bicep.Instance }

// ofBicep is what a deployment declares.
func ofBicep(t *testing.T, d *bicep.Deployment) declared {
	t.Helper()
	all := declared{}
	for _, r := range spread(d.Resources) {
		// Terraform keeps from being destroyed what Bicep locks.
		if slices.Contains(parts, r.Type) || r.Type == lock {
			continue
		}
		i := slices.IndexFunc(pairs, func(p pair) bool { return strings.EqualFold(p.arm, r.Type) })
		if i < 0 {
			t.Errorf("%s:%d: no type of Terraform is paired with %s", r.File, r.At.Line, r.Type)
			continue
		}
		body := r.within(d)
		name := r.Name
		if pairs[i].armKey != nil {
			name = pairs[i].armKey(body)
		}
		said := map[string]string{}
		for _, property := range pairs[i].properties {
			said[property.name] = plain(property.arm(body))
		}
		common(said, body)
		module, _, _ := strings.Cut(r.Module, "/")
		all.add(t, key(pairs[i].arm, module, name), fmt.Sprintf("%s:%d", r.File, r.At.Line), said)
	}
	return all
}

// spread adds what Bicep writes within a resource and Terraform beside it.
func spread(resources []*bicep.Instance) []instance {
	var all []instance
	add := func(r *bicep.Instance, typ, name string, body map[string]any) {
		all = append(all, instance{&bicep.Instance{Module: r.Module, Symbol: r.Symbol, Type: typ, Name: name, ID: r.ID + "/subnets/" + name, Body: body, File: r.File, At: r.At}})
	}
	for _, r := range resources {
		all = append(all, instance{r})
		for _, address := range list(follow(r.Body, []string{"properties", "publicIpAddresses"})) {
			add(r, "natGateways/publicIpAddresses", "", map[string]any{"gateway": r.ID, "address": object(address)["id"]})
		}
		for _, s := range list(follow(r.Body, []string{"properties", "subnets"})) {
			subnet := object(s)
			name := plain(subnet["name"])
			add(r, "Microsoft.Network/virtualNetworks/subnets", name, subnet)
			if group := follow(subnet, []string{"properties", "networkSecurityGroup", "id"}); group != nil {
				add(r, "subnets/networkSecurityGroup", name, map[string]any{"subnet": r.ID + "/subnets/" + name, "group": group})
			}
			if gateway := follow(subnet, []string{"properties", "natGateway", "id"}); gateway != nil {
				add(r, "subnets/natGateway", name, map[string]any{"subnet": r.ID + "/subnets/" + name, "gateway": gateway})
			}
		}
	}
	return all
}

// within is the body of a resource with the children that Terraform has in it,
// by type and name, and what it is of: its parent, or the scope of an extension.
func (i instance) within(d *bicep.Deployment) map[string]any {
	body := maps.Clone(i.Body)
	for _, r := range d.Resources {
		if rest, ok := strings.CutPrefix(r.ID, i.ID+"/"); ok && slices.Contains(parts, r.Type) {
			body[rest] = r.Body
		}
	}
	body["scope"] = i.Scope
	if segments := strings.Split(i.ID, "/"); len(segments) > 3 {
		body["parent"] = strings.Join(segments[:len(segments)-2], "/")
		body["parentName"] = segments[len(segments)-3]
	}
	if i.Type == "Microsoft.Authorization/roleAssignments" {
		body["role"] = roleName(follow(i.Body, []string{"properties", "roleDefinitionId"}))
	}
	return body
}

// roles are the built-in ones that are used, by what Azure knows them as, and
// those that nobody may have.
var roles = []struct{ id, name string }{
	{"22926164-76b3-42b3-bc55-97df8dab3e41", "Grafana Admin"},
	{"4633458b-17de-408a-b874-0445c86b69e6", "Key Vault Secrets User"},
	{"4abbcc35-e782-43d8-92c5-2d3f1bd2253f", "Azure Kubernetes Service Cluster User Role"},
	{"4d97b98b-1d4f-4787-a291-c67834d212e7", "Network Contributor"},
	{"7f951dda-4ed3-4680-a7ca-43fe172d538d", "AcrPull"},
	{"8311e382-0749-4cb8-b61a-304f252e45ec", "AcrPush"},
	{"8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"},
	{"b0d8363b-8ddd-447d-831f-62ca05bff136", "Monitoring Data Reader"},
	{"b12aa53e-6015-4669-85d0-8515ebb3ae7f", "Private DNS Zone Contributor"},
	{"b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor"},
	{"b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b", "Azure Kubernetes Service RBAC Cluster Admin"},
	{"ba92f5b4-2d11-453d-a403-e96b0029c9fe", "Storage Blob Data Contributor"},
	{"c6a89b2d-59bc-44d0-9896-0f6e12d7b80a", "Storage Queue Data Message Sender"},
	{"f1a07417-d97a-45cb-824c-7a7467783830", "Managed Identity Operator"},
}

// roleName is the name of a role by its definition's id.
func roleName(definition any) string {
	_, id, _ := strings.Cut(plain(definition), "/")
	for _, r := range roles {
		if r.id == id {
			return r.name
		}
	}
	return "role " + id
}
