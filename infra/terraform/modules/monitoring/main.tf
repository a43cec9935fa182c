# Where logs and metrics go, who is told, and Grafana over them. All of it is
# reached from the network alone.
resource "azurerm_log_analytics_workspace" "this" {
  name                           = "log-${var.site.name}"
  resource_group_name            = var.site.resource_group
  location                       = var.site.location
  sku                            = "PerGB2018"
  retention_in_days              = var.log_retention_days
  daily_quota_gb                 = var.log_daily_quota_gb
  local_authentication_enabled   = false
  internet_ingestion_access_type = "Disabled"
  internet_query_access_type     = "Disabled"
  tags                           = var.site.tags

  lifecycle {
    prevent_destroy = true
  }
}

# Container logs are the bulk: the Basic plan takes them for a quarter of the
# price, searchable for 30 days, and keeps them as long as the others.
resource "azurerm_log_analytics_workspace_table" "table" {
  name                    = "ContainerLogV2"
  workspace_id            = azurerm_log_analytics_workspace.this.id
  plan                    = "Basic"
  total_retention_in_days = var.log_retention_days
}

resource "azurerm_monitor_workspace" "metrics" {
  name                          = "amw-${var.site.name}"
  resource_group_name           = var.site.resource_group
  location                      = var.site.location
  public_network_access_enabled = false
  tags                          = var.site.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "azurerm_monitor_data_collection_endpoint" "collection" {
  name                          = "dce-${var.site.name}"
  resource_group_name           = var.site.resource_group
  location                      = var.site.location
  kind                          = "Linux"
  public_network_access_enabled = false
  tags                          = var.site.tags
}

resource "azurerm_dashboard_grafana" "grafana" {
  name                          = "amg${var.site.compact}"
  resource_group_name           = var.site.resource_group
  location                      = var.site.location
  grafana_major_version         = "12"
  api_key_enabled               = false
  public_network_access_enabled = false
  zone_redundancy_enabled       = true
  tags                          = var.site.tags

  identity {
    type = "SystemAssigned"
  }

  azure_monitor_workspace_integrations {
    resource_id = azurerm_monitor_workspace.metrics.id
  }
}

resource "azurerm_role_assignment" "grafana_reader" {
  scope                = azurerm_monitor_workspace.metrics.id
  role_definition_name = "Monitoring Data Reader"
  principal_id         = azurerm_dashboard_grafana.grafana.identity[0].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "grafana_admin" {
  for_each = toset(var.admin_group_object_ids)

  scope                = azurerm_dashboard_grafana.grafana.id
  role_definition_name = "Grafana Admin"
  principal_id         = each.value
  principal_type       = "Group"
}
