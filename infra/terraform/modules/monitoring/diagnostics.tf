locals {
  # Security groups have logs and no metrics.
  diagnosed = {
    for name, id in var.network_diagnosed : name => { id = id, metrics = !startswith(name, "nsg-") }
  }
}

# The network's are here because the workspace is, which the network comes before.
resource "azurerm_monitor_diagnostic_setting" "network_diagnostics" {
  for_each = local.diagnosed

  name                       = "to-workspace"
  target_resource_id         = each.value.id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id

  enabled_log {
    category_group = "allLogs"
  }

  dynamic "enabled_metric" {
    for_each = each.value.metrics ? ["AllMetrics"] : []
    content {
      category = enabled_metric.value
    }
  }
}

resource "azurerm_monitor_diagnostic_setting" "diagnostics" {
  for_each = {
    workspace = azurerm_log_analytics_workspace.this.id
    grafana   = azurerm_dashboard_grafana.grafana.id
  }

  name                       = "to-workspace"
  target_resource_id         = each.value
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id

  enabled_log {
    category_group = "allLogs"
  }

  enabled_metric {
    category = "AllMetrics"
  }
}
