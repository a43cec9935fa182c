# The network's are here because the workspace is, which the network comes before.
# Security groups have logs and no metrics that can be sent, and so has the NAT
# gateway: its log says which node went where.
resource "azurerm_monitor_diagnostic_setting" "network_diagnostics" {
  for_each = var.network_diagnosed

  name                       = "to-workspace"
  target_resource_id         = each.value
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id

  enabled_log {
    category       = each.key == "nat" ? "NatGatewayFlowlogsV1" : null
    category_group = each.key == "nat" ? null : "allLogs"
  }

  dynamic "enabled_metric" {
    for_each = each.key == "nat" || startswith(each.key, "nsg-") ? [] : ["AllMetrics"]
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
