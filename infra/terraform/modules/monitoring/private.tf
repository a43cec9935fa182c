# Azure Monitor by private link: the workspace and the collection endpoint are
# one scope, metrics and Grafana have endpoints of their own.
resource "azurerm_monitor_private_link_scope" "scope" {
  name                  = "ampls-${var.site.name}"
  resource_group_name   = var.site.resource_group
  ingestion_access_mode = "PrivateOnly"
  query_access_mode     = "PrivateOnly"
  tags                  = var.site.tags
}

resource "azurerm_monitor_private_link_scoped_service" "workspace" {
  name                = "workspace"
  resource_group_name = var.site.resource_group
  scope_name          = azurerm_monitor_private_link_scope.scope.name
  linked_resource_id  = azurerm_log_analytics_workspace.this.id
}

resource "azurerm_monitor_private_link_scoped_service" "collection" {
  name                = "collection"
  resource_group_name = var.site.resource_group
  scope_name          = azurerm_monitor_private_link_scope.scope.name
  linked_resource_id  = azurerm_monitor_data_collection_endpoint.collection.id

  # One at a time, or the scope refuses the second.
  depends_on = [azurerm_monitor_private_link_scoped_service.workspace]
}

resource "azurerm_private_endpoint" "endpoint" {
  for_each = {
    monitor = { target = azurerm_monitor_private_link_scope.scope.id, group = "azuremonitor", zones = ["monitor", "oms", "ods", "agentsvc", "blob"] }
    metrics = { target = azurerm_monitor_workspace.metrics.id, group = "prometheusMetrics", zones = ["prometheus"] }
    grafana = { target = azurerm_dashboard_grafana.grafana.id, group = "grafana", zones = ["grafana"] }
  }

  name                = "pe-${var.site.name}-${each.key}"
  resource_group_name = var.site.resource_group
  location            = var.site.location
  subnet_id           = var.subnet_id
  tags                = var.site.tags

  private_service_connection {
    name                           = each.key
    private_connection_resource_id = each.value.target
    subresource_names              = [each.value.group]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [for z in each.value.zones : var.zone_ids[z]]
  }

  # The endpoint takes the addresses of what is in the scope when it is made.
  depends_on = [azurerm_monitor_private_link_scoped_service.collection]
}

# Grafana asks for metrics through an endpoint of its own, which waits until
# somebody approves it on the workspace: docs/infrastructure.md has the command.
resource "azurerm_dashboard_grafana_managed_private_endpoint" "grafana_metrics" {
  name                         = "metrics"
  grafana_id                   = azurerm_dashboard_grafana.grafana.id
  location                     = var.site.location
  private_link_resource_id     = azurerm_monitor_workspace.metrics.id
  private_link_resource_region = var.site.location
  group_ids                    = ["prometheusMetrics"]
  request_message              = "Grafana of ${var.site.name}"
  tags                         = var.site.tags
}
