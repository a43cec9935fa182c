# The least that works, on the thing itself.
package infra

# Roles that do everything, or give others the right to.
sweeping := {"Owner", "Contributor", "User Access Administrator", "Role Based Access Control Administrator"}

deny contains violation("roles", r, sprintf("wildcard role: %s may do everything", [r.change.after.role_definition_name])) if {
	some r in resources
	r.type == "azurerm_role_assignment"
	r.change.after.role_definition_name in sweeping
}

deny contains violation("roles", r, "the role is given by an id, which nobody can read: use role_definition_name") if {
	some r in resources
	r.type == "azurerm_role_assignment"
	not is_string(r.change.after.role_definition_name)
}

deny contains violation("roles", r, "who gets the role is not said (principal_type): a wrong kind would be found when it is used") if {
	some r in resources
	r.type == "azurerm_role_assignment"
	not is_string(r.change.after.principal_type)
}

deny contains violation("roles", r, sprintf("wildcard role: its actions have %q", [action])) if {
	some r in resources
	r.type == "azurerm_role_definition"
	some permission in r.change.after.permissions
	some kind in ["actions", "data_actions"]
	some action in object.get(permission, kind, [])
	contains(action, "*")
}

# A scope that is written out is a subscription, a group or worse; one of a
# resource is known only when that was made.
deny contains violation("roles", r, sprintf("the role's scope %q is wider than a resource", [r.change.after.scope])) if {
	some r in resources
	r.type == "azurerm_role_assignment"
	is_string(r.change.after.scope)
	not contains(r.change.after.scope, "/providers/")
}

deny contains {"rule": "roles", "address": sprintf("%sazurerm_role_assignment.%s", [within(module), r.name]), "says": "the role's scope is the resource group: give it on the resource"} if {
	some module, m in modules
	some r in m.resources
	r.type == "azurerm_role_assignment"
	direct := {[module, ref] | walk([r.expressions.scope, object.get(r, "for_each_expression", {})], [_, x]); some ref in x.references}
	some node in direct | named(direct)
	startswith(node[1], "azurerm_resource_group.")
}
