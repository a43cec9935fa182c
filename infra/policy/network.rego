# What is not allowed is denied, by rules that can be read.
package infra

required contains {"type": "azurerm_subnet", "path": ["default_outbound_access_enabled"], "want": [false], "says": "it has the outbound access that everything has by default"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["network_profile", 0, "network_plugin"], "want": ["azure"], "says": "kubenet, or no plugin at all, instead of azure"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["network_profile", 0, "network_plugin_mode"], "want": ["overlay"], "says": "pods take addresses of the network"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["network_profile", 0, "network_policy"], "want": ["cilium"], "says": "network policies are not enforced by Cilium"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["network_profile", 0, "network_data_plane"], "want": ["cilium"], "says": "the data plane is not Cilium"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["network_profile", 0, "outbound_type"], "want": ["userAssignedNATGateway", "userDefinedRouting"], "says": "egress is not said"}

deny contains violation("network", r, "the subnet has no network security group") if {
	some r in resources
	r.type == "azurerm_subnet"
	not place(r) in watched["azurerm_subnet_network_security_group_association"]
}

deny contains violation("network", r, sprintf("%s: no rule denies the rest, explicitly and last", [direction])) if {
	some r in resources
	r.type == "azurerm_network_security_group"
	some direction in ["Inbound", "Outbound"]
	count({rule |
		some rule in r.change.after.security_rule
		rule.direction == direction
		rule.access == "Deny"
		rule.priority == 4096
		rule.protocol == "*"
		rule.source_address_prefix == "*"
		rule.destination_address_prefix == "*"
		rule.destination_port_range == "*"
	}) == 0
}

anybody := {"*", "Internet", "0.0.0.0/0", "::/0", "Any"}

deny contains violation("network", r, sprintf("rule %s lets the internet in", [rule.name])) if {
	some r in resources
	r.type == "azurerm_network_security_group"
	some rule in r.change.after.security_rule
	rule.direction == "Inbound"
	rule.access == "Allow"
	some source in array.concat([rule.source_address_prefix], [s | some s in rule.source_address_prefixes])
	source in anybody
}

deny contains violation("network", r, "private endpoints are outside of the security group (private_endpoint_network_policies)") if {
	some r in resources
	r.type == "azurerm_subnet"
	r.change.after.name == "endpoints"
	r.change.after.private_endpoint_network_policies != "Enabled"
}

# Azure Managed Redis answers on this port alone, with TLS.
redis_port := 10000

deny contains violation("network", r, sprintf("Redis answers on port %d instead of %d", [port, redis_port])) if {
	some r in resources
	r.type == "azurerm_managed_redis"
	port := object.get(r.change.after, ["default_database", 0, "port"], null)
	port != null
	port != redis_port
}

deny contains violation("network", r, sprintf("no security group lets anybody to its port, %d", [redis_port])) if {
	some r in resources
	r.type == "azurerm_managed_redis"
	count({rule |
		some group in resources
		group.type == "azurerm_network_security_group"
		some rule in group.change.after.security_rule
		rule.direction == "Inbound"
		rule.access == "Allow"
		sprintf("%d", [redis_port]) in {port | some port in array.concat([rule.destination_port_range], rule.destination_port_ranges)}
	}) == 0
}
