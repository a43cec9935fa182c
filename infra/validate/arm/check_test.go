package arm

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-dev/davit/infra/validate/bicep"
)

// deployment is what infra/bicep asks for in an environment.
func deployment(t *testing.T, environment string) *bicep.Deployment {
	t.Helper()
	folder := filepath.Join("..", "..", "bicep")
	program, err := bicep.Load(filepath.Join(folder, "main.bicep"))
	if err != nil {
		t.Fatal(err)
	}
	parameters, err := bicep.ParseFile(filepath.Join(folder, environment+".bicepparam"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := program.Evaluate(parameters)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Azure knows every property that infra/bicep gives, in the version that it names.
func TestInfra(t *testing.T) {
	for _, environment := range []string{"staging", "production"} {
		d := deployment(t, environment)
		if len(d.Resources) < 100 {
			t.Errorf("%s: %d resources", environment, len(d.Resources))
		}
		for _, problem := range CheckReads(d) {
			t.Error(problem)
		}
		for _, r := range d.Resources {
			for _, problem := range Check(r) {
				t.Error(problem)
			}
		}
	}
}

func TestBroken(t *testing.T) {
	for want, breaks := range map[string]struct {
		symbol string
		of     func(*bicep.Instance)
	}{
		`registry.bicep:20: registry "crdavitprdweud4v1t": properties.adminUserEnabledd is no property of RegistryProperties`: {"registry", func(r *bicep.Instance) { set(r, true, "properties", "adminUserEnabledd") }},
		`properties.adminUserEnabled is a string, and must be bool`:                                                           {"registry", func(r *bicep.Instance) { set(r, "false", "properties", "adminUserEnabled") }},
		`properties.publicNetworkAccess is disabled, and must be one of Disabled, Enabled`:                                    {"registry", func(r *bicep.Instance) { set(r, "disabled", "properties", "publicNetworkAccess") }},
		`sku.name is missing`: {"registry", func(r *bicep.Instance) { set(r, nil, "sku", "name") }},
		`location is missing`: {"registry", func(r *bicep.Instance) { set(r, nil, "location") }},
		`tags is no object`:   {"registry", func(r *bicep.Instance) { set(r, []any{}, "tags") }},
		`properties.agentPoolProfiles[0].maxCount is true, and must be int64`:     {"cluster", func(r *bicep.Instance) { set(r, true, "properties", "agentPoolProfiles", 0, "maxCount") }},
		`properties.networkProfile.networkPlugin is kube, and must be one of`:     {"cluster", func(r *bicep.Instance) { set(r, "kube", "properties", "networkProfile", "networkPlugin") }},
		`properties.agentPoolProfiles is no array`:                                {"cluster", func(r *bicep.Instance) { set(r, "system", "properties", "agentPoolProfiles") }},
		`properties.criteria.allOf[0].metricNam is no property of MetricCriteria`: {"expiryAlert", func(r *bicep.Instance) { set(r, "x", "properties", "criteria", "allOf", 0, "metricNam") }},
		`properties.criteria is of no kind that there is`:                         {"expiryAlert", func(r *bicep.Instance) { set(r, "x", "properties", "criteria", "odata.type") }},
		`properties.severity is a string, and must be int64`:                      {"expiryAlert", func(r *bicep.Instance) { set(r, "2", "properties", "severity") }},
		`Microsoft.KeyVault/vaults has no model at version 2019-09-01`:            {"vault", func(r *bicep.Instance) { r.Version = "2019-09-01" }},
		`properties.accessPolicies[0].tenantId is missing`:                        {"vault", func(r *bicep.Instance) { set(r, []any{map[string]any{}}, "properties", "accessPolicies") }},
		`identity.type is SystemAssignd, and must be one of`:                      {"events", func(r *bicep.Instance) { set(r, "SystemAssignd", "identity", "type") }},
		`properties.deliveryWithResourceIdentity.destination is of no kind that there is`: {"expiry", func(r *bicep.Instance) {
			set(r, "Queue", "properties", "deliveryWithResourceIdentity", "destination", "endpointType")
		}},
	} {
		t.Run(want, func(t *testing.T) {
			resources := deployment(t, "production").Resources
			r := resources[slices.IndexFunc(resources, func(r *bicep.Instance) bool { return r.Symbol == breaks.symbol && r.Module != "identity" })]
			breaks.of(r)
			said := Check(r)
			if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, want) }) {
				t.Errorf("got %q", said)
			}
		})
	}
}

// set changes what stands below the given names and indices.
func set(r *bicep.Instance, value any, path ...any) {
	var at any = r.Body
	for _, step := range path[:len(path)-1] {
		switch step := step.(type) {
		case string:
			at = at.(map[string]any)[step]
		case int:
			at = at.([]any)[step]
		}
	}
	at.(map[string]any)[path[len(path)-1].(string)] = value
}

// What is read of a resource, it has.
func TestBrokenReads(t *testing.T) {
	d := deployment(t, "production")
	d.Outputs["vaultUri"] = d.Outputs["vaultUri"].(bicep.Runtime) + "s"
	d.Outputs["elsewhere"] = bicep.Runtime("/subscriptions/other.properties.id")
	said := strings.Join(CheckReads(d), "\n")
	for _, want := range []string{
		`the output vaultUri: Microsoft.KeyVault/vaults "kvdavitprdweud4v1t" at version 2024-11-01: VaultProperties has no vaultUris`,
		`the output elsewhere: /subscriptions/other.properties.id is of no resource that is declared`,
	} {
		if !strings.Contains(said, want) {
			t.Errorf("want %q, got %q", want, said)
		}
	}
}
