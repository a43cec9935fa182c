package validate

import "testing"

// Rules that are more than a setting: each finds the plan that breaks it.
func TestEveryRuleCanFail(t *testing.T) {
	const (
		aks      = "module.cluster.azurerm_kubernetes_cluster.this"
		pool     = `module.cluster.azurerm_kubernetes_cluster_node_pool.this["general"]`
		endpoint = "module.registry.azurerm_private_endpoint.endpoint"
		role     = `module.davit.azurerm_role_assignment.davit_roles["pull"]`
		group    = `module.network.azurerm_network_security_group.this["ingress"]`
		subnet   = `module.network.azurerm_subnet.this["endpoints"]`
		github   = "module.davit.azurerm_federated_identity_credential.github"
		registry = "module.registry.azurerm_container_registry.this"
		workload = "module.davit.azurerm_federated_identity_credential.workload"
		storage  = "module.storage.azurerm_storage_account.this"
		table    = "module.monitoring.azurerm_log_analytics_workspace_table.table"
		redis    = "module.redis.azurerm_managed_redis.this"
		setting  = "module.cluster.azurerm_monitor_diagnostic_setting.diagnostics"
	)
	for _, tc := range []struct {
		name, address string
		path          []any // in the resource after the change
		value         any
		says          string
		at            string // the address of the violation, when that is another
	}{
		{name: "public API server for everybody", address: aks, path: []any{"private_cluster_enabled"}, value: false, says: "answers everybody"},
		{name: "endpoint without zone", address: endpoint, path: []any{"private_dns_zone_group"}, value: []any{}, says: "no private DNS zone"},
		{
			name: "database without TLS", address: `module.davit.azurerm_postgresql_flexible_server_configuration.setting["require_secure_transport"]`,
			path: []any{"value"}, value: "off", says: "the parameter require_secure_transport is not on", at: "module.davit.azurerm_postgresql_flexible_server.this",
		},
		{name: "no Defender", address: aks, path: []any{"microsoft_defender"}, value: []any{}, says: "Defender is off"},
		{name: "tokens of somebody else", address: github, path: []any{"issuer"}, value: "https://gitlab.com", says: "neither GitHub nor the cluster"},
		{name: "tokens of another cluster", address: workload, path: []any{"issuer"}, value: "https://westeurope.oic.prod-aks.azure.com/a/b/", says: "is not the cluster"},
		{name: "GitHub's tokens for pods", address: workload, path: []any{"issuer"}, value: "https://token.actions.githubusercontent.com", says: "is not the cluster"},
		{name: "any branch", address: github, path: []any{"subject"}, value: "repo:davit-dev/davit:*", says: "is not one workload"},
		{name: "role that gives roles", address: role, path: []any{"role_definition_name"}, value: "User Access Administrator", says: "wildcard role"},
		{name: "role by id", address: role, path: []any{"role_definition_name"}, value: nil, says: "use role_definition_name"},
		{name: "role of somebody", address: role, path: []any{"principal_type"}, value: nil, says: "principal_type"},
		{name: "role on a subscription", address: role, path: []any{"scope"}, value: "/subscriptions/" + nobody, says: "wider than a resource"},
		{name: "setting of nothing", address: setting, path: []any{"enabled_log"}, value: []any{}, says: "has no kube-audit-admin"},
		{name: "flow logs of nothing", address: `module.monitoring.azurerm_monitor_diagnostic_setting.network_diagnostics["nat"]`, path: []any{"enabled_log"}, value: []any{}, says: "neither logs nor metrics"},
		{name: "tag missing", address: registry, path: []any{"tags", "owner"}, value: "", says: "tags are missing: owner"},
		{name: "no tags", address: registry, path: []any{"tags"}, value: nil, says: "tags are missing: cost_center, environment"},
		{name: "address in one zone", address: "module.network.azurerm_public_ip.egress_address", path: []any{"zones"}, value: []any{"1"}, says: "it lives in 1 of three zones"},
		{name: "nothing denied", address: group, path: []any{"security_rule"}, value: []any{}, says: "Outbound: no rule denies the rest"},
		{name: "endpoints outside", address: subnet, path: []any{"private_endpoint_network_policies"}, value: "Disabled", says: "outside of the security group"},
		{name: "pool of a fixed size", address: pool, path: []any{"auto_scaling_enabled"}, value: false, says: "the pool does not scale"},
		{name: "managed disk", address: aks, path: []any{"default_node_pool", 0.0, "os_disk_type"}, value: "Managed", says: "the OS disk"},
		{name: "blobs deleted at once", address: storage, path: []any{"blob_properties", 0.0, "delete_retention_policy"}, value: []any{}, says: "soft delete of blobs is off"},
		{name: "containers deleted in a day", address: storage, path: []any{"blob_properties", 0.0, "container_delete_retention_policy", 0.0, "days"}, value: 1, says: "soft delete of containers is off, or shorter than 7 days"},
		{name: "dear logs", address: table, path: []any{"plan"}, value: "Analytics", says: "ContainerLogV2 is not on the Basic plan", at: "module.monitoring.azurerm_log_analytics_workspace.this"},
		{name: "images for ever", address: registry, path: []any{"retention_policy_in_days"}, value: 0, says: "untagged images are kept for ever"},
		{name: "images for ever, by default", address: registry, path: []any{"retention_policy_in_days"}, value: nil, says: "untagged images are kept for ever"},
		{name: "another port of Redis", address: redis, path: []any{"default_database", 0.0, "port"}, value: 6380, says: "Redis answers on port 6380 instead of 10000"},
		{name: "port of Redis closed", address: `module.network.azurerm_network_security_group.this["endpoints"]`, path: []any{"security_rule"}, value: []any{}, says: "no security group lets anybody to its port, 10000", at: redis},
		{name: "another image", address: pool, path: []any{"os_sku"}, value: "Ubuntu2204", says: "the node image"},
		{name: "slow upgrades", address: pool, path: []any{"upgrade_settings"}, value: []any{}, says: "one node at a time"},
		{name: "small system pool", address: aks, path: []any{"default_node_pool", 0.0, "min_count"}, value: 1, says: "below three nodes"},
		{name: "ended ingress", address: aks, path: []any{"web_app_routing"}, value: []any{map[string]any{}}, says: "use the Gateway API"},
		{name: "password in state", address: registry, path: []any{"password"}, value: "hunter2", says: "password would be in the state"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			document := plan(t, "production").document(t)
			r := change(t, document, func(r map[string]any) bool { return r["address"] == tc.address })
			set(t, r["change"].(map[string]any)["after"], tc.path, tc.value)
			at := tc.at
			if at == "" {
				at = tc.address
			}
			expect(t, judge(t, document), at, tc.says)
		})
	}
}

// Resources that must not be there at all.
func TestEveryUnwantedResourceIsFound(t *testing.T) {
	for kind, tc := range map[string]struct {
		after map[string]any
		says  string
	}{
		"azurerm_role_definition":  {map[string]any{"permissions": []any{map[string]any{"actions": []any{"Microsoft.Storage/*"}}}}, `its actions have "Microsoft.Storage/*"`},
		"azurerm_redis_cache":      {nil, "use azurerm_managed_redis"},
		"azurerm_key_vault_secret": {nil, "would be in the state"},
		"azurerm_linux_web_app":    {nil, "does not know whether this type has diagnostics"},
		"azurerm_subnet":           {nil, "the subnet has no network security group"},
		"azurerm_managed_redis":    {nil, "no private endpoint leads to it"},
		"azurerm_key_vault":        {nil, "diagnostics are missing"},
		"azurerm_monitor_diagnostic_setting": {
			map[string]any{"enabled_log": []any{}, "enabled_metric": []any{}}, "neither logs nor metrics",
		},
		"azurerm_network_security_group": {
			map[string]any{"security_rule": []any{map[string]any{
				"name": "open", "direction": "Inbound", "access": "Allow", "source_address_prefix": "Internet", "source_address_prefixes": []any{},
			}}},
			"rule open lets the internet in",
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			document := plan(t, "production").document(t)
			after := tc.after
			if after == nil {
				after = map[string]any{}
			}
			document["resource_changes"] = append(document["resource_changes"].([]any), map[string]any{
				"address": kind + ".unwanted", "mode": "managed", "type": kind, "name": "unwanted",
				"change": map[string]any{"actions": []any{"create"}, "after": after},
			})
			expect(t, judge(t, document), kind+".unwanted", tc.says)
		})
	}
}

// What only the configuration shows: outputs, the scopes of roles, and whose tokens
// are believed.
func TestEveryConfigurationIsRead(t *testing.T) {
	document := plan(t, "production").document(t)
	planned := document["planned_values"].(map[string]any)["outputs"].(map[string]any)
	planned["cluster_name"].(map[string]any)["sensitive"] = true
	expect(t, judge(t, document), "output.cluster_name", "a secret is in an output")

	const wide = "azurerm_resource_group.this.id"
	p, refusal := copyTree(t,
		edit{"main.tf", "registry_id           = module.registry.id", "registry_id           = " + wide},
		edit{"main.tf", "oidc_issuer_url       = module.cluster.oidc_issuer_url", "oidc_issuer_url       = module.vault.uri"},
		edit{"main.tf", "  user_pools             = var.user_pools", "  user_pools             = {}"},
	).plan(t, "production")
	if refusal != "" {
		t.Fatal(refusal)
	}
	found := judge(t, p.document(t))
	expect(t, found, "module.davit.azurerm_federated_identity_credential.workload", "is not the cluster")
	expect(t, found, "module.davit.azurerm_role_assignment.deploy_roles", "the role's scope is the resource group")
	expect(t, found, "plan", "there is no pool for applications")
}
