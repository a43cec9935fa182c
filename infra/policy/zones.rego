# A zone may be lost.
package infra

required contains {"type": "azurerm_container_registry", "path": ["zone_redundancy_enabled"], "want": [true], "says": "it lives in one zone"}

required contains {"type": "azurerm_dashboard_grafana", "path": ["zone_redundancy_enabled"], "want": [true], "says": "it lives in one zone"}

required contains {"type": "azurerm_storage_account", "path": ["account_replication_type"], "want": ["ZRS", "GZRS", "RAGZRS"], "says": "it lives in one zone"}

required contains {"type": "azurerm_nat_gateway", "path": ["sku_name"], "want": ["StandardV2"], "says": "it lives in one zone"}

required contains {"type": "azurerm_postgresql_flexible_server", "path": ["high_availability", 0, "mode"], "want": ["ZoneRedundant"], "says": "it lives in one zone", "only": "production"}

required contains {"type": "azurerm_managed_redis", "path": ["high_availability_enabled"], "want": [true], "says": "it lives in one zone", "only": "production"}

zoned(r) := r.change.after.zones if r.type in {"azurerm_kubernetes_cluster_node_pool", "azurerm_public_ip"}

zoned(r) := r.change.after.default_node_pool[0].zones if r.type == "azurerm_kubernetes_cluster"

deny contains violation("zones", r, sprintf("it lives in %d of three zones (zones is %v)", [count(zones), zones])) if {
	some r in resources
	zones := zoned(r)
	count(zones) < 3
}
