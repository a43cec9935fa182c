# Patches arrive by themselves, when somebody is there; and nothing is built on
# what Azure has announced the end of.
package infra

required contains {"type": "azurerm_kubernetes_cluster", "path": ["sku_tier"], "want": ["Standard", "Premium"], "says": "the API server has no service level"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["automatic_upgrade_channel"], "want": ["patch"], "says": "patches of Kubernetes do not arrive"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["node_os_upgrade_channel"], "want": ["NodeImage"], "says": "node images do not arrive"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["maintenance_window_auto_upgrade", 0, "frequency"], "want": ["Weekly"], "says": "upgrades come at any time"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["maintenance_window_node_os", 0, "frequency"], "want": ["Weekly"], "says": "node images come at any time"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["image_cleaner_enabled"], "want": [true], "says": "old images stay on nodes"}

# Type, and what it ends in favour of.
retired := {
	"azurerm_redis_cache": "Azure Cache for Redis ends on 30 September 2028: use azurerm_managed_redis",
	"azurerm_redis_enterprise_cluster": "Redis Enterprise ends on 31 March 2027: use azurerm_managed_redis",
	"azurerm_postgresql_server": "the single server has ended: use azurerm_postgresql_flexible_server",
	"azurerm_network_watcher_flow_log": "flow logs of security groups end in 2027: use those of the network",
}

deny contains violation("retired", r, retired[r.type]) if some r in resources

deny contains violation("retired", r, "the application routing add-on's NGINX has ended: use the Gateway API") if {
	some r in resources
	r.type == "azurerm_kubernetes_cluster"
	count(object.get(r.change.after, "web_app_routing", [])) > 0
}
