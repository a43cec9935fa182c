# Somebody is told when it matters.
package infra

# wanted are the alerts that must be there, with what nobody would be told of.
wanted := {
	"NodeNotReady": "a node that is not ready",
	"PodRestarting": "a container that restarts again and again",
	"ErrorsHigh": "requests that fail (5xx)",
	"LatencyHigh": "slow answers",
	"CertificateExpiring": "the end of the gateway's certificate",
	"expiry": "the end of a secret or certificate in the vault",
	"budget": "what it costs",
}

# alerts are those that are on, by the names above, with whether an action group
# hears of them. Whose it is, is known when it is made.
alerts contains {"name": rule.alert, "at": r, "heard": count(object.get(rule, "action", [])) > 0} if {
	some r in resources
	r.type == "azurerm_monitor_alert_prometheus_rule_group"
	r.change.after.rule_group_enabled
	some rule in r.change.after.rule
	rule.enabled
}

# Of a metric alert's name, the end says what it is of: alert-davit-staging-weu-expiry.
alerts contains {"name": name, "at": r, "heard": count(object.get(r.change.after, "action", [])) > 0} if {
	some r in resources
	r.type == "azurerm_monitor_metric_alert"
	r.change.after.enabled
	words := split(r.change.after.name, "-")
	name := words[count(words) - 1]
}

alerts contains {"name": "budget", "at": r, "heard": heard} if {
	some r in resources
	r.type == "azurerm_consumption_budget_resource_group"
	deaf := {i | some i, _ in r.change.after.notification; not grouped(r, i)}
	heard := count(deaf) == 0
}

grouped(r, i) if count(r.change.after.notification[i].contact_groups) > 0

grouped(r, i) if r.change.after_unknown.notification[i].contact_groups == true

grouped(r, i) if count(r.change.after_unknown.notification[i].contact_groups) > 0

deny contains {"rule": "alerts", "address": "plan", "says": sprintf("the alert %s is missing, or off: nobody is told of %s", [name, what])} if {
	some name, what in wanted
	not name in {a.name | some a in alerts}
}

deny contains violation("alerts", a.at, sprintf("the alert %s has no action group: nobody is told", [a.name])) if {
	some a in alerts
	not a.heard
}
