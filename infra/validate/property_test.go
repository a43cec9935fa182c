package validate

import (
	"strings"
	"testing"
)

// Breaking any of these properties in the source fails, with a sentence that
// names it: from Terraform, from the provider, or from a policy.
func TestBrokenPropertiesAreNamed(t *testing.T) {
	const registry, storage, cluster = "modules/registry/main.tf", "modules/storage/main.tf", "modules/cluster/main.tf"
	for _, tc := range []struct {
		property string
		edits    []edit
		says     string
	}{
		{
			"public access on",
			[]edit{{storage, "public_network_access_enabled     = false", "public_network_access_enabled     = true"}},
			"module.storage.azurerm_storage_account.this: public access is on (public_network_access_enabled is true)",
		},
		{
			"admin on",
			[]edit{{registry, "= false\n  anonymous_pull", "= true\n  anonymous_pull"}},
			"module.registry.azurerm_container_registry.this: the admin user is on (admin_enabled is true)",
		},
		{
			"one zone",
			[]edit{{cluster, `["1", "2", "3"]`, `["1"]`}},
			"module.cluster.azurerm_kubernetes_cluster.this: it lives in 1 of three zones",
		},
		{
			"min above max",
			[]edit{{"production.tfvars", "min = 3, max = 6", "min = 7, max = 6"}},
			"system_pool: min is above max",
		},
		{
			"min above max of a user pool, past the variable's own check",
			[]edit{{cluster, "each.value.max", "each.value.min - 1"}},
			`module.cluster.azurerm_kubernetes_cluster_node_pool.this["general"]: min above max`,
		},
		{
			"TLS 1.0",
			[]edit{{storage, `"TLS1_2"`, `"TLS1_0"`}},
			`min_tls_version to be one of ["TLS1_2"], got TLS1_0`,
		},
		{
			"missing diagnostics",
			[]edit{{registry, "target_resource_id         = azurerm_container_registry.this.id", "target_resource_id         = var.workspace_id"}},
			"module.registry.azurerm_container_registry.this: diagnostics are missing",
		},
		{
			"wildcard role",
			[]edit{{"modules/davit/main.tf", `role = "AcrPush"`, `role = "Owner"`}},
			`module.davit.azurerm_role_assignment.deploy_roles["push"]: wildcard role: Owner may do everything`,
		},
		{
			"kubenet",
			[]edit{
				{cluster, `network_plugin      = "azure"`, `network_plugin      = "kubenet"`},
				{cluster, `network_plugin_mode = "overlay"`, ""},
				{cluster, `network_data_plane  = "cilium"`, ""},
				{cluster, `network_policy      = "cilium"`, `network_policy      = "calico"`},
			},
			"module.cluster.azurerm_kubernetes_cluster.this: kubenet, or no plugin at all, instead of azure",
		},
		{
			"local accounts on",
			[]edit{{cluster, "local_account_disabled            = true", "local_account_disabled            = false"}},
			"module.cluster.azurerm_kubernetes_cluster.this: local accounts are on (local_account_disabled is false)",
		},
		{
			"key in output",
			[]edit{
				{"modules/storage/outputs.tf", `output "id"`, "output \"key\" {\n  value     = azurerm_storage_account.this.primary_access_key\n  sensitive = true\n}\n\noutput \"id\""},
			},
			"module.storage.output.key: a key is in an output (azurerm_storage_account.this.primary_access_key)",
		},
	} {
		t.Run(tc.property, func(t *testing.T) {
			t.Parallel()
			p, said := copyTree(t, tc.edits...).plan(t, "production")
			if said == "" {
				for _, v := range judge(t, p.document(t)) {
					said += v.String() + "\n"
				}
			}
			if !strings.Contains(strings.Join(strings.Fields(said), " "), tc.says) {
				t.Errorf("broken, and nobody said %q:\n%s", tc.says, said)
			}
		})
	}
}
