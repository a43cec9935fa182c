# Logs and metrics of everything that has any go to the workspace.
package infra

diagnosable := {
	"azurerm_container_registry",
	"azurerm_dashboard_grafana",
	"azurerm_eventgrid_system_topic",
	"azurerm_key_vault",
	"azurerm_kubernetes_cluster",
	"azurerm_log_analytics_workspace",
	"azurerm_managed_redis",
	"azurerm_monitor_data_collection_rule",
	"azurerm_nat_gateway",
	"azurerm_network_security_group",
	"azurerm_postgresql_flexible_server",
	"azurerm_public_ip",
	"azurerm_storage_account",
	"azurerm_virtual_network",
}

# undiagnosable have neither, or are parts of what has.
undiagnosable := {
	"azurerm_consumption_budget_resource_group",
	"azurerm_dashboard_grafana_managed_private_endpoint",
	"azurerm_eventgrid_system_topic_event_subscription",
	"azurerm_federated_identity_credential",
	"azurerm_kubernetes_cluster_node_pool",
	"azurerm_log_analytics_workspace_table",
	"azurerm_managed_redis_access_policy_assignment",
	"azurerm_monitor_action_group",
	"azurerm_monitor_alert_prometheus_rule_group",
	"azurerm_monitor_data_collection_endpoint",
	"azurerm_monitor_data_collection_rule_association",
	"azurerm_monitor_diagnostic_setting",
	"azurerm_monitor_metric_alert",
	"azurerm_monitor_private_link_scope",
	"azurerm_monitor_private_link_scoped_service",
	"azurerm_monitor_workspace",
	"azurerm_nat_gateway_public_ip_association",
	"azurerm_postgresql_flexible_server_active_directory_administrator",
	"azurerm_postgresql_flexible_server_configuration",
	"azurerm_postgresql_flexible_server_database",
	"azurerm_private_dns_zone",
	"azurerm_private_dns_zone_virtual_network_link",
	"azurerm_private_endpoint",
	"azurerm_resource_group",
	"azurerm_role_assignment",
	"azurerm_storage_container",
	"azurerm_storage_management_policy",
	"azurerm_storage_queue",
	"azurerm_subnet",
	"azurerm_subnet_nat_gateway_association",
	"azurerm_subnet_network_security_group_association",
	"azurerm_user_assigned_identity",
}

deny contains violation("diagnostics", r, "diagnostics are missing: no diagnostic setting leads to it") if {
	some r in resources
	r.type in diagnosable
	not place(r) in watched["azurerm_monitor_diagnostic_setting"]
}

deny contains violation("diagnostics", r, "the policy does not know whether this type has diagnostics: add it to one of the lists") if {
	some r in resources
	not r.type in diagnosable
	not r.type in undiagnosable
}

deny contains violation("diagnostics", r, "the diagnostic setting takes neither logs nor metrics") if {
	some r in resources
	r.type == "azurerm_monitor_diagnostic_setting"
	count(object.get(r.change.after, "enabled_log", [])) == 0
	count(object.get(r.change.after, "enabled_metric", [])) == 0
}

# Those who looked at the cluster, and what they changed.
deny contains violation("diagnostics", r, sprintf("diagnostics are missing: the cluster's setting has no %s", [category])) if {
	some r in resources
	r.type == "azurerm_monitor_diagnostic_setting"
	r.address == "module.cluster.azurerm_monitor_diagnostic_setting.diagnostics"
	some category in ["kube-audit-admin", "guard", "cluster-autoscaler", "csi-azuredisk-controller"]
	not category in {log.category | some log in r.change.after.enabled_log}
}
