# What is kept, for how long, and at what price.
package infra

required contains {"type": "azurerm_storage_account", "path": ["blob_properties", 0, "versioning_enabled"], "want": [true], "says": "versioning is off: what is overwritten is lost"}

# Days that somebody has to notice a deletion.
notice := 7

deny contains violation("retention", r, sprintf("soft delete of %s is off, or shorter than %d days", [kind, notice])) if {
	some r in resources
	r.type == "azurerm_storage_account"
	some kind, path in {"blobs": "delete_retention_policy", "containers": "container_delete_retention_policy"}
	days := object.get(r.change.after, ["blob_properties", 0, path, 0, "days"], 0)
	days < notice
}

# Container logs are the bulk of the logs.
deny contains violation("retention", r, "the table ContainerLogV2 is not on the Basic plan: container logs cost four times as much") if {
	some r in resources
	r.type == "azurerm_log_analytics_workspace"
	basic := {t |
		some t in resources
		t.type == "azurerm_log_analytics_workspace_table"
		t.change.after.name == "ContainerLogV2"
		t.change.after.plan == "Basic"
	}
	count(basic) == 0
}

deny contains violation("retention", r, "untagged images are kept for ever (retention_policy_in_days)") if {
	some r in resources
	r.type == "azurerm_container_registry"
	days := object.get(r.change.after, "retention_policy_in_days", 0)
	not is_days(days)
}

is_days(n) if {
	is_number(n)
	n > 0
}
