package validate

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ofTerraform is what a plan declares.
func ofTerraform(t *testing.T, p Plan) declared {
	t.Helper()
	all := declared{}
	for _, r := range p.Resources {
		i := slices.IndexFunc(pairs, func(p pair) bool { return p.azurerm == r.Type })
		if i < 0 {
			t.Errorf("%s: no type of Azure is paired with %s", r.Address, r.Type)
			continue
		}
		name := plain(r.Values["name"])
		if pairs[i].key != nil {
			name = pairs[i].key(r, p)
		}
		said := map[string]string{}
		for _, property := range pairs[i].properties {
			said[property.name] = plain(property.terraform(r.Values))
		}
		common(said, r.Values)
		if r.Type == "azurerm_private_endpoint" {
			wired(said, r, p)
		}
		all.add(t, key(pairs[i].arm, r.Module, name), r.Address, said)
	}
	for module, types := range reachedByTerraform(t, p) {
		all.add(t, "what roles reach in "+module, "module."+module, map[string]string{"types": plain(types)})
	}
	return all
}

func key(arm, module, name string) string {
	if module == "" {
		module = "the root"
	}
	return arm + " in " + module + ", " + name
}

// common adds what must be the same for resources of all types.
func common(said map[string]string, of map[string]any) {
	tags := maps.Clone(object(of["tags"]))
	if tags == nil { // a pool of nodes has them elsewhere in Azure
		tags = maps.Clone(object(follow(of, []string{"properties", "tags"})))
	}
	delete(tags, "managed_by") // says which language it was
	if len(tags) > 0 {
		var words []any
		for k, v := range tags {
			words = append(words, k+"="+plain(v))
		}
		said["tags"] = plain(words)
	}
}

func of(name string) func(Resource, Plan) string { return func(Resource, Plan) string { return name } }

// configuration is what Terraform's files say, before it is known what comes of it.
type configuration struct {
	Configuration struct {
		Root struct {
			Modules map[string]struct {
				Module struct {
					Resources []struct {
						Type        string         `json:"type"`
						Name        string         `json:"name"`
						Expressions map[string]any `json:"expressions"`
						Each        struct {
							References []string `json:"references"`
						} `json:"for_each_expression"`
					} `json:"resources"`
				} `json:"module"`
			} `json:"module_calls"`
		} `json:"root_module"`
	} `json:"configuration"`
}

// references are what an attribute of a resource is made of, the nearest first,
// and what its for_each is made of.
func references(p Plan, r Resource, attribute string) (of, each []string) {
	var c configuration
	if err := json.Unmarshal(p.Raw, &c); err != nil {
		return []string{err.Error()}, nil
	}
	for _, said := range c.Configuration.Root.Modules[r.Module].Module.Resources {
		if said.Type != r.Type || said.Name != r.Name {
			continue
		}
		for _, reference := range list(follow(said.Expressions, strings.Split(attribute+".references", "."))) {
			of = append(of, plain(reference))
		}
		return of, said.Each.References
	}
	return nil, nil
}

var quoted = regexp.MustCompile(`\["(\w+)"\]`)

// who is the identity that an attribute leads to.
func who(p Plan, r Resource, attribute string) string {
	of, _ := references(p, r, attribute)
	if len(of) == 0 {
		return "nobody"
	}
	first := of[0]
	switch m := quoted.FindStringSubmatch(first); {
	case m != nil:
		return m[1]
	case strings.HasPrefix(first, "azurerm_dashboard_grafana"):
		return "grafana"
	case strings.HasPrefix(first, "azurerm_eventgrid_system_topic"):
		return "systemTopics"
	}
	return strings.TrimSuffix(strings.TrimPrefix(first, "var."), "_principal_id")
}

// granted is which role who has.
func granted(r Resource, p Plan) string {
	principal := r.Values["principal_id"]
	if principal == nil {
		principal = who(p, r, "principal_id")
	}
	return plain(r.Values["role_definition_name"]) + " for " + plain(principal)
}

func credential(r Resource, p Plan) string {
	return plain(r.Values["name"]) + " for " + who(p, r, "user_assigned_identity_id")
}

func accessed(r Resource, p Plan) string {
	return "for " + who(p, r, "object_id")
}

// grouped is which subnet has which security group's rules.
func grouped(r Resource, p Plan) string {
	of, _ := references(p, r, "network_security_group_id")
	group := "another's"
	if slices.Contains(of, "each.key") {
		group = r.Index
	}
	return r.Index + " with the rules of " + group
}

// zoneOfLink is the zone that is linked.
func zoneOfLink(r Resource, p Plan) string { return zoneName(p, r.Index) }

// zoneName is the name of the private DNS zone of a service.
func zoneName(p Plan, service string) string {
	for _, zone := range p.Resources {
		if zone.Type == "azurerm_private_dns_zone" && zone.Index == service {
			return plain(zone.Values["name"])
		}
	}
	return "no zone " + service
}

// wired adds what a private endpoint leads to and the zones that get its
// address, where the plan's files say so of one endpoint and not of several.
func wired(said map[string]string, r Resource, p Plan) {
	of, _ := references(p, r, "private_service_connection.0.private_connection_resource_id")
	typ, _, _ := strings.Cut(of[0], ".")
	if i := slices.IndexFunc(pairs, func(p pair) bool { return p.azurerm == typ }); i >= 0 {
		said["target"] = lastName(pairs[i].arm)
	}
	zones, _ := references(p, r, "private_dns_zone_group.0.private_dns_zone_ids")
	if m := quoted.FindStringSubmatch(zones[0]); m != nil {
		said["zones"] = zoneName(p, m[1])
	} else if slices.Contains(zones, "each.key") {
		said["zones"] = zoneName(p, r.Index)
	}
}

// targets are what diagnostic settings are of, which a plan knows by no name.
var targets = map[string]string{
	"cluster/diagnostics":                          "managedClusters",
	"cluster/rule_diagnostics/containers":          "dataCollectionRules containers",
	"cluster/rule_diagnostics/prometheus":          "dataCollectionRules prometheus",
	"davit/diagnostics":                            "flexibleServers",
	"monitoring/diagnostics/grafana":               "grafana",
	"monitoring/diagnostics/workspace":             "workspaces",
	"monitoring/network_diagnostics/egress":        "publicIPAddresses",
	"monitoring/network_diagnostics/nat":           "natGateways",
	"monitoring/network_diagnostics/nsg-endpoints": "networkSecurityGroups endpoints",
	"monitoring/network_diagnostics/nsg-ingress":   "networkSecurityGroups ingress",
	"monitoring/network_diagnostics/nsg-nodes":     "networkSecurityGroups nodes",
	"monitoring/network_diagnostics/vnet":          "virtualNetworks",
	"redis/diagnostics/cluster":                    "redisEnterprise",
	"redis/diagnostics/database":                   "databases",
	"registry/diagnostics":                         "registries",
	"storage/diagnostics/account":                  "storageAccounts",
	"storage/diagnostics/blob":                     "blobServices",
	"storage/diagnostics/queue":                    "queueServices",
	"vault/diagnostics":                            "vaults",
	"vault/events_diagnostics":                     "systemTopics",
}

func diagnosed(r Resource, _ Plan) string {
	name := strings.TrimSuffix(r.Module+"/"+r.Name+"/"+r.Index, "/")
	if target, ok := targets[name]; ok {
		return "of " + target
	}
	return "of " + name
}

// scopes are what roles are given on, by what Terraform calls it.
var scopes = []struct{ reference, arm string }{
	{"azurerm_container_registry", "registries"},
	{"azurerm_dashboard_grafana", "grafana"},
	{"azurerm_kubernetes_cluster", "managedClusters"},
	{"azurerm_monitor_workspace", "accounts"},
	{"azurerm_user_assigned_identity", "userAssignedIdentities"},
	{"var.cluster_id", "managedClusters"},
	{"var.cluster_zone_id", "privateDnsZones"},
	{"var.metrics_id", "accounts"},
	{"var.receipts_container_id", "containers"},
	{"var.registry_id", "registries"},
	{"var.storage_account_id", "storageAccounts"},
	{"var.vault_id", "vaults"},
	{"var.virtual_network_id", "virtualNetworks"},
}

// reachedByTerraform are the types that a module's roles are given on. A plan
// does not know on which of them which role is.
func reachedByTerraform(t *testing.T, p Plan) map[string][]any {
	t.Helper()
	all := map[string][]any{}
	seen := map[string]bool{}
	for _, r := range p.Resources {
		if r.Type != "azurerm_role_assignment" || seen[r.Module+r.Name] {
			continue
		}
		seen[r.Module+r.Name] = true
		of, each := references(p, r, "scope")
		if !strings.HasPrefix(of[0], "each.value") {
			each = of[:1]
		}
		for _, reference := range each {
			typ := "?"
			for _, s := range scopes {
				if strings.HasPrefix(reference+".", s.reference+".") || strings.HasPrefix(reference, s.reference+"[") {
					typ = s.arm
				}
			}
			if typ == "?" {
				t.Errorf("%s: nothing here knows %s", r.Address, reference)
			}
			if !slices.Contains(all[r.Module], any(typ)) {
				all[r.Module] = append(all[r.Module], typ)
			}
		}
	}
	return all
}
