package validate

import (
	"encoding/json"
	"sync"
	"testing"
)

// A Plan is what Terraform means to make, as terraform show -json says it.
type Plan struct {
	Resources []Resource
	Outputs   map[string]any // the planned outputs as they are, with sensitive and value
	Raw       []byte
}

// A Resource is one that Terraform manages.
type Resource struct {
	Address string
	Module  string // "network", or "" for the root
	Type    string // azurerm_virtual_network
	Name    string
	Index   string // of for_each, or ""
	Values  map[string]any
	Unknown map[string]any // what is known only when it was made
}

// plans are those of the tree as it is, each made once.
var plans = struct {
	sync.Mutex
	made map[string]Plan
}{made: map[string]Plan{}}

// plan returns the plan of an environment.
func plan(t *testing.T, environment string) Plan {
	t.Helper()
	plans.Lock()
	defer plans.Unlock()
	if p, ok := plans.made[environment]; ok {
		return p
	}
	p, refusal := copyTree(t).plan(t, environment)
	if refusal != "" {
		t.Fatal(refusal)
	}
	plans.made[environment] = p
	return p
}

// plan plans an environment, and returns Terraform's words when it refuses.
func (d tree) plan(t *testing.T, environment string, args ...string) (Plan, string) {
	t.Helper()
	file := environment + ".plan"
	args = append([]string{"plan", "-input=false", "-no-color", "-var-file=" + environment + ".tfvars", "-out=" + file}, args...)
	if out, err := d.terraform(t.Context(), args...); err != nil {
		return Plan{}, out
	}
	return parsePlan(t, []byte(d.must(t, "show", "-json", file))), ""
}

func parsePlan(t *testing.T, raw []byte) Plan {
	t.Helper()
	var document struct {
		Planned struct {
			Outputs map[string]any `json:"outputs"`
		} `json:"planned_values"`
		Changes []struct {
			Address string `json:"address"`
			Module  string `json:"module_address"`
			Mode    string `json:"mode"`
			Type    string `json:"type"`
			Name    string `json:"name"`
			Index   any    `json:"index"`
			Change  struct {
				After   map[string]any `json:"after"`
				Unknown map[string]any `json:"after_unknown"`
			} `json:"change"`
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		t.Fatalf("reading the plan: %v", err)
	}
	p := Plan{Raw: raw, Outputs: document.Planned.Outputs}
	for _, c := range document.Changes {
		if c.Mode != "managed" {
			continue
		}
		index, _ := c.Index.(string)
		module := c.Module
		if len(module) > len("module.") {
			module = module[len("module."):]
		}
		p.Resources = append(p.Resources, Resource{
			Address: c.Address, Module: module, Type: c.Type, Name: c.Name, Index: index,
			Values: c.Change.After, Unknown: c.Change.Unknown,
		})
	}
	return p
}

// Both environments are planned by the real provider, from an empty
// subscription: it asks where Azure is, for a token, and nothing else.
func TestPlans(t *testing.T) {
	for _, environment := range []string{"staging", "production"} {
		p := plan(t, environment)
		if len(p.Resources) < 100 {
			t.Errorf("%s: %d resources", environment, len(p.Resources))
		}
	}
	if asked := tools.azure.asked(); len(asked) > 0 {
		t.Errorf("planning asked Azure: %q", asked)
	}
}

// Azure's rules for names hold where the parts of names are as long as they may be.
func TestLongestNamesAreTaken(t *testing.T) {
	t.Parallel()
	p, refusal := copyTree(t).plan(t, "production", "-var=workload=workload", "-var=location_code=gwcn", "-var=unique=abcde")
	if refusal != "" {
		t.Fatal(refusal)
	}
	longest := map[string]int{"azurerm_storage_account": 24, "azurerm_key_vault": 24, "azurerm_dashboard_grafana": 23, "azurerm_container_registry": 50, "azurerm_kubernetes_cluster": 63, "azurerm_postgresql_flexible_server": 63}
	for _, r := range p.Resources {
		if name, ok := r.Values["name"].(string); ok && longest[r.Type] > 0 && len(name) > longest[r.Type] {
			t.Errorf("%s: %s is longer than %d", r.Address, name, longest[r.Type])
		}
	}
}
