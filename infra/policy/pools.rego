# Nodes: the cluster's own apart from the applications', and as many as needed.
package infra

pool(r) := r.change.after if r.type == "azurerm_kubernetes_cluster_node_pool"

pool(r) := r.change.after.default_node_pool[0] if r.type == "azurerm_kubernetes_cluster"

deny contains violation("pools", r, sprintf("min above max: %d nodes at least and %d at most", [p.min_count, p.max_count])) if {
	some r in resources
	p := pool(r)
	p.min_count > p.max_count
}

deny contains violation("pools", r, sprintf("%s (%s is %v)", [q.says, q.key, value])) if {
	some r in resources
	p := pool(r)
	some q in [
		{"key": "auto_scaling_enabled", "want": true, "says": "the pool does not scale"},
		{"key": "os_disk_type", "want": "Ephemeral", "says": "the OS disk is a managed one"},
		{"key": "os_sku", "want": "AzureLinux", "says": "the node image is one that ends before the others"},
	]
	value := object.get(p, q.key, null)
	value != q.want
}

deny contains violation("pools", r, "an upgrade takes one node at a time (upgrade_settings.max_surge)") if {
	some r in resources
	p := pool(r)
	not is_string(object.get(p, ["upgrade_settings", 0, "max_surge"], null))
}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["default_node_pool", 0, "only_critical_addons_enabled"], "want": [true], "says": "applications run on the system pool"}

deny contains violation("pools", r, "the system pool is below three nodes") if {
	some r in resources
	r.type == "azurerm_kubernetes_cluster"
	pool(r).min_count < 3
}

deny contains {"rule": "pools", "address": "plan", "says": "there is no pool for applications"} if {
	some r in resources
	r.type == "azurerm_kubernetes_cluster"
	count({p | some p in resources; p.type == "azurerm_kubernetes_cluster_node_pool"}) == 0
}
