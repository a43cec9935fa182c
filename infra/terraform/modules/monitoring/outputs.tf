output "workspace_id" {
  description = "Log Analytics workspace, reachable from the network."
  value       = azurerm_log_analytics_workspace.this.id
}

output "metrics_id" {
  description = "Azure Monitor workspace, for Prometheus."
  value       = azurerm_monitor_workspace.metrics.id
}

output "prometheus_query_endpoint" {
  description = "Where metrics are asked for, in the network."
  value       = azurerm_monitor_workspace.metrics.query_endpoint
}

output "collection_endpoint_id" {
  description = "Data collection endpoint that the cluster's agents ask."
  value       = azurerm_monitor_data_collection_endpoint.collection.id
}

output "action_group_id" {
  description = "Who is told."
  value       = azurerm_monitor_action_group.action_group.id
}

output "grafana_endpoint" {
  description = "Grafana's address, in the network."
  value       = azurerm_dashboard_grafana.grafana.endpoint
}
