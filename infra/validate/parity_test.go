package validate

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-dev/davit/infra/validate/bicep"
)

// declared is what one of the two languages declares: properties by resource.
// Both call a resource by the type that Azure has for it, the module that it is
// in, and its name.
type declared map[string]resourceSaid

type resourceSaid struct {
	place      string // in that language's words
	properties map[string]string
}

// add takes note of a resource, and whether it is the first of its name.
func (d declared) add(t *testing.T, key, place string, properties map[string]string) {
	t.Helper()
	if other, ok := d[key]; ok {
		t.Errorf("%s and %s are both %s", other.place, place, key)
	}
	d[key] = resourceSaid{place, properties}
}

// compare says in sentences where two languages differ.
func compare(terraform, bicep declared) []string {
	var said []string
	for _, key := range slices.Sorted(maps.Keys(terraform)) {
		tf := terraform[key]
		b, ok := bicep[key]
		if !ok {
			said = append(said, fmt.Sprintf("%s is declared by Terraform (%s) and not by Bicep", key, tf.place))
			continue
		}
		for _, property := range slices.Sorted(maps.Keys(tf.properties)) {
			if x, y := tf.properties[property], b.properties[property]; x != y {
				said = append(said, fmt.Sprintf("%s: %s is %s in Terraform (%s) and %s in Bicep (%s)", key, property, x, tf.place, y, b.place))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(bicep)) {
		if _, ok := terraform[key]; !ok {
			said = append(said, fmt.Sprintf("%s is declared by Bicep (%s) and not by Terraform", key, bicep[key].place))
		}
	}
	return said
}

// Both languages declare the same resources, with the same properties of those
// that count, in both environments.
func TestParity(t *testing.T) {
	for _, environment := range []string{"staging", "production"} {
		terraform, bicep := ofTerraform(t, plan(t, environment)), ofBicep(t, deployment(t, environment))
		if len(terraform) < 100 {
			t.Errorf("%s: %d resources compared", environment, len(terraform))
		}
		for _, difference := range compare(terraform, bicep) {
			t.Errorf("%s: %s", environment, difference)
		}
	}
}

// A difference is found, whichever language has it, and named.
func TestParityFindsDifferences(t *testing.T) {
	terraform := ofTerraform(t, plan(t, "production"))
	for want, change := range map[string]func(*bicep.Deployment){
		"admin_enabled = properties.adminUserEnabled is false in Terraform": func(d *bicep.Deployment) {
			properties(d, "registry", "registry")["adminUserEnabled"] = true
		},
		"public_network_access_enabled = properties.publicNetworkAccess is false in Terraform": func(d *bicep.Deployment) {
			properties(d, "vault", "vault")["publicNetworkAccess"] = "Enabled"
		},
		"min_tls_version = properties.minimumTlsVersion is TLS1_2 in Terraform": func(d *bicep.Deployment) {
			properties(d, "storage", "account")["minimumTlsVersion"] = "TLS1_0"
		},
		"local_account_disabled = properties.disableLocalAccounts is true in Terraform": func(d *bicep.Deployment) {
			delete(properties(d, "cluster", "cluster"), "disableLocalAccounts")
		},
		"network_profile.0.network_plugin = properties.networkProfile.networkPlugin is azure in Terraform": func(d *bicep.Deployment) {
			properties(d, "cluster", "cluster")["networkProfile"].(map[string]any)["networkPlugin"] = "kubenet"
		},
		"default_node_pool.0.zones = properties.agentPoolProfiles.0.availabilityZones is 1 2 3 in Terraform": func(d *bicep.Deployment) {
			pool := properties(d, "cluster", "cluster")["agentPoolProfiles"].([]any)[0].(map[string]any)
			pool["availabilityZones"] = []any{"1"}
		},
		"rules is": func(d *bicep.Deployment) {
			rule := properties(d, "network", "securityGroups")["securityRules"].([]any)[0].(map[string]any)
			rule["properties"].(map[string]any)["destinationAddressPrefixes"] = []any{"0.0.0.0/0"}
		},
		"Microsoft.Authorization/roleAssignments in davit, AcrPush for deploy is declared by Terraform": func(d *bicep.Deployment) {
			find(d, "davit", "deployPush").Body["properties"].(map[string]any)["principalId"] = find(d, "davit", "davitPull").Body["properties"].(map[string]any)["principalId"]
		},
		"what roles reach in davit: types is": func(d *bicep.Deployment) {
			find(d, "davit", "davitReceipts").Scope = find(d, "davit", "davitVault").Scope
		},
		"Microsoft.Insights/diagnosticSettings in vault, of vaults is declared by Terraform": func(d *bicep.Deployment) {
			gone := find(d, "vault", "diagnostics")
			d.Resources = slices.DeleteFunc(d.Resources, func(r *bicep.Instance) bool { return r == gone })
		},
		"Microsoft.Network/networkSecurityGroups in network, nsg-davit-production-weu-more is declared by Bicep": func(d *bicep.Deployment) {
			more := *find(d, "network", "securityGroups")
			more.Name = "nsg-davit-production-weu-more"
			d.Resources = append(d.Resources, &more)
		},
		"zones is privatelink.vaultcore.azure.net in Terraform": func(d *bicep.Deployment) {
			zone := properties(d, "vault/endpoint", "records")["privateDnsZoneConfigs"].([]any)[0].(map[string]any)
			zone["properties"] = map[string]any{"privateDnsZoneId": "/privateDnsZones/privatelink.azurecr.io"}
		},
		"subnets/networkSecurityGroup in network, nodes with the rules of nodes is declared by Terraform": func(d *bicep.Deployment) {
			subnets := properties(d, "network", "virtualNetwork")["subnets"].([]any)
			nodes, ingress := object(subnets[0])["properties"].(map[string]any), object(subnets[1])["properties"].(map[string]any)
			nodes["networkSecurityGroup"], ingress["networkSecurityGroup"] = ingress["networkSecurityGroup"], nodes["networkSecurityGroup"]
		},
		"tags is": func(d *bicep.Deployment) { delete(find(d, "redis", "cache").Body["tags"].(map[string]any), "owner") },
	} {
		t.Run(want, func(t *testing.T) {
			d := deployment(t, "production")
			change(d)
			said := compare(terraform, ofBicep(t, d))
			if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, want) }) {
				t.Errorf("got %q", said)
			}
		})
	}
}

func find(d *bicep.Deployment, module, symbol string) *bicep.Instance {
	return d.Resources[slices.IndexFunc(d.Resources, func(r *bicep.Instance) bool { return r.Module == module && r.Symbol == symbol })]
}

func properties(d *bicep.Deployment, module, symbol string) map[string]any {
	return find(d, module, symbol).Body["properties"].(map[string]any)
}

// deployment is what infra/bicep asks for in an environment, with the given values
// instead of those of its file: a parameter's name, its value, and so on.
func deployment(t *testing.T, environment string, given ...string) *bicep.Deployment {
	t.Helper()
	d, err := deploymentIn(filepath.Join(infra, "bicep"), environment, given...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// deploymentIn is what the files in a folder ask for.
func deploymentIn(folder, environment string, given ...string) (*bicep.Deployment, error) {
	program, err := bicep.Load(filepath.Join(folder, "main.bicep"))
	if err != nil {
		return nil, err
	}
	parameters, err := bicep.ParseFile(filepath.Join(folder, environment+".bicepparam"))
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(given); i += 2 {
		other, err := bicep.Parse("given.bicepparam", "using 'main.bicep'\nparam "+given[i]+" = "+given[i+1])
		if err != nil {
			return nil, err
		}
		parameters.Assignments = append(slices.DeleteFunc(parameters.Assignments, func(a *bicep.Assignment) bool { return a.Name == given[i] }), other.Assignments...)
	}
	return program.Evaluate(parameters)
}
