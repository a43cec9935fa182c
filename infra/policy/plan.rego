# What the rules have in common: the plan's resources, the table of settings that
# resources must have, and what refers to what.
package infra

# deny is what is wrong with a plan: {rule, address, says}.

# resources are those that will be there after the plan is carried out.
resources contains r if {
	some r in input.resource_changes
	r.mode == "managed"
	not r.change.actions == ["delete"]
}

# environment is the plan's: its resources are tagged with it.
environment := input.variables.environment.value

# A setting is required when it is one of the values in want, at the path, of
# every resource of the type. With "only", in that environment alone.
deny contains violation("settings", r, sprintf("%s (%s is %v)", [q.says, concat(".", [sprintf("%v", [p]) | some p in q.path]), value])) if {
	some r in resources
	some q in required
	q.type == r.type
	object.get(q, "only", environment) == environment
	value := object.get(r.change.after, q.path, null)
	not value in q.want
}

violation(rule, r, says) := {"rule": rule, "address": r.address, "says": says}

# modules are the configuration's, by name; the root's is "".
modules[""] := input.configuration.root_module

modules[name] := call.module if some name, call in input.configuration.root_module.module_calls

# references is a graph. A node is [module, reference]; edges lead from
# watchers (what an expression belongs to), variables and outputs to what their
# expressions name. So what a diagnostic setting watches is what is reachable
# from it, through whichever outputs and variables it came.
references[[module, address]] := nodes if {
	some module, m in modules
	some r in m.resources
	r.type in watchers
	address := sprintf("%s.%s", [r.type, r.name])
	nodes := {[module, ref] | walk([object.get(r, "expressions", {}), object.get(r, "for_each_expression", {})], [_, x]); some ref in x.references}
}

references[[name, sprintf("var.%s", [variable])]] := nodes if {
	some name, call in input.configuration.root_module.module_calls
	some variable, expression in call.expressions
	nodes := {["", ref] | some ref in expression.references}
}

references[["", sprintf("module.%s.%s", [name, output])]] := nodes if {
	some name, call in input.configuration.root_module.module_calls
	some output, o in call.module.outputs
	nodes := {[name, ref] | some ref in o.expression.references}
}

watchers := {
	"azurerm_monitor_diagnostic_setting",
	"azurerm_private_endpoint",
	"azurerm_subnet_network_security_group_association",
}

# named(start) is all that the nodes of start refer to, near or far. (A node that
# is no key of the graph is not reachable by Rego's word: it is an edge's end.)
named(start) := {end | some node in graph.reachable(references, start); some end in references[node]}

# watched[type] are the resources that those of the type refer to.
watched[type] := {[node[0], resource] |
	some node in named({start | some start, _ in references; startswith(start[1], sprintf("%s.", [type]))})
	parts := split(node[1], ".")
	startswith(parts[0], "azurerm_")
	resource := sprintf("%s.%s", [parts[0], split(parts[1], "[")[0]])
} if {
	some type in watchers
}

# within(module) is how addresses in it begin.
within("") := ""

within(module) := sprintf("module.%s.", [module]) if module != ""

# place is where a resource is in that graph.
place(r) := [trim_prefix(object.get(r, "module_address", ""), "module."), sprintf("%s.%s", [r.type, r.name])]
