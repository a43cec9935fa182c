# What Azure refuses while another change of the same thing is under way is done in
# turn: Terraform makes at once whatever does not depend on each other.
package infra

# Types of which a resource of a module waits for the others, where the module has
# what they change.
turns := [
	{"of": "azurerm_monitor_private_link_scope", "types": {"azurerm_monitor_private_link_scoped_service"}},
	{"of": "azurerm_managed_redis", "types": {"azurerm_managed_redis_access_policy_assignment", "azurerm_private_endpoint"}},
	{"of": "azurerm_postgresql_flexible_server", "types": {
		"azurerm_postgresql_flexible_server_active_directory_administrator",
		"azurerm_postgresql_flexible_server_configuration",
		"azurerm_postgresql_flexible_server_database",
		"azurerm_private_endpoint",
	}},
]

deny contains {"rule": "turns", "address": sprintf("%s%s", [within(module), a]), "says": sprintf("it is made while %s is, which Azure refuses: add depends_on", [b])} if {
	some module, m in modules
	some turn in turns
	some changed in m.resources
	changed.type == turn.of
	members := {sprintf("%s.%s", [r.type, r.name]) | some r in m.resources; r.type in turn.types}
	some a in members
	some b in members
	a < b
	not a in graph.reachable(waits[module], {b})
	not b in graph.reachable(waits[module], {a})
}

# A scope's are written one by one: for_each makes all of them at once.
deny contains {"rule": "turns", "address": sprintf("%s%s.%s", [within(module), r.type, r.name]), "says": "for_each makes several of it at once, which Azure refuses"} if {
	some module, m in modules
	some r in m.resources
	r.type == "azurerm_monitor_private_link_scoped_service"
	r.for_each_expression
}

# waits[module] is a graph: from a resource to those of the module that are made before it.
waits[module][address] := before if {
	some module, m in modules
	some r in m.resources
	address := sprintf("%s.%s", [r.type, r.name])
	before := {other | some other in object.get(r, "depends_on", [])}
}
