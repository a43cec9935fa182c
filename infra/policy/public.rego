# Nothing is reached from the internet: every service has a private endpoint.
package infra

required contains {"type": type, "path": ["public_network_access_enabled"], "want": [false], "says": "public access is on"} if some type in {
	"azurerm_container_registry",
	"azurerm_dashboard_grafana",
	"azurerm_key_vault",
	"azurerm_monitor_data_collection_endpoint",
	"azurerm_monitor_workspace",
	"azurerm_postgresql_flexible_server",
	"azurerm_storage_account",
}

required contains {"type": "azurerm_managed_redis", "path": ["public_network_access"], "want": ["Disabled"], "says": "public access is on"}

required contains {"type": "azurerm_log_analytics_workspace", "path": [path], "want": ["Disabled"], "says": "public access is on"} if some path in ["internet_ingestion_access_type", "internet_query_access_type"]

required contains {"type": "azurerm_monitor_private_link_scope", "path": [path], "want": ["PrivateOnly"], "says": "public access is on"} if some path in ["ingestion_access_mode", "query_access_mode"]

required contains {"type": "azurerm_storage_account", "path": ["allow_nested_items_to_be_public"], "want": [false], "says": "blobs may be made public"}

required contains {"type": "azurerm_storage_account", "path": ["cross_tenant_replication_enabled"], "want": [false], "says": "data may be replicated to another tenant"}

required contains {"type": "azurerm_storage_account", "path": ["network_rules", 0, "default_action"], "want": ["Deny"], "says": "the firewall lets in by default"}

required contains {"type": "azurerm_storage_container", "path": ["container_access_type"], "want": ["private"], "says": "the container is public"}

required contains {"type": "azurerm_key_vault", "path": ["network_acls", 0, "default_action"], "want": ["Deny"], "says": "the firewall lets in by default"}

required contains {"type": "azurerm_container_registry", "path": ["anonymous_pull_enabled"], "want": [false], "says": "anybody pulls images"}

required contains {"type": "azurerm_container_registry", "path": ["network_rule_bypass_option"], "want": ["AzureServices"], "says": "az acr import does not get through the firewall"}

required contains {"type": "azurerm_container_registry", "path": ["data_endpoint_enabled"], "want": [true], "says": "layers come from an address of all registries instead of a private endpoint's"}

required contains {"type": "azurerm_container_registry", "path": ["export_policy_enabled"], "want": [false], "says": "images may be exported"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["private_cluster_public_fqdn_enabled"], "want": [false], "says": "the API server has a public name"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["private_cluster_enabled"], "want": [true], "says": "the API server is public", "only": "production"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["default_node_pool", 0, "node_public_ip_enabled"], "want": [false], "says": "nodes have public addresses"}

required contains {"type": "azurerm_kubernetes_cluster_node_pool", "path": ["node_public_ip_enabled"], "want": [false], "says": "nodes have public addresses"}

# A public API server answers those alone who are named.
deny contains violation("public", r, "the API server is public and answers everybody: authorized_ip_ranges is empty or has a /0") if {
	some r in resources
	r.type == "azurerm_kubernetes_cluster"
	not r.change.after.private_cluster_enabled
	ranges := authorized(r)
	count({range | some range in ranges; not endswith(range, "/0")}) == 0
}

authorized(r) := {range | some range in object.get(r.change.after, ["api_server_access_profile", 0, "authorized_ip_ranges"], [])} if not late(r)

# With the address that nodes leave by, which is known when it is made, the ranges
# are known then too: the others are those of the variable.
authorized(r) := {range | some range in input.variables.api_server_authorized_ranges.value} if late(r)

late(r) if r.change.after_unknown.api_server_access_profile[0].authorized_ip_ranges == true

# The services that are reached by private link.
linked := {
	"azurerm_container_registry",
	"azurerm_dashboard_grafana",
	"azurerm_key_vault",
	"azurerm_managed_redis",
	"azurerm_monitor_private_link_scope",
	"azurerm_monitor_workspace",
	"azurerm_postgresql_flexible_server",
	"azurerm_storage_account",
}

deny contains violation("endpoints", r, "no private endpoint leads to it") if {
	some r in resources
	r.type in linked
	not place(r) in watched["azurerm_private_endpoint"]
}

deny contains violation("endpoints", r, "the private endpoint is registered in no private DNS zone") if {
	some r in resources
	r.type == "azurerm_private_endpoint"
	count(object.get(r.change.after, "private_dns_zone_group", [])) == 0
}
