# Images. Premium is what has private endpoints, zones and retention. Trust is
# not the registry's: releases are pinned by digest and signed.
resource "azurerm_container_registry" "this" {
  name                          = "cr${var.site.compact}"
  resource_group_name           = var.site.resource_group
  location                      = var.site.location
  sku                           = "Premium"
  admin_enabled                 = false
  anonymous_pull_enabled        = false
  public_network_access_enabled = false
  # Azure's own services that sign in get through: an import is the registry's work.
  network_rule_bypass_option = "AzureServices"
  export_policy_enabled      = false
  data_endpoint_enabled      = true
  zone_redundancy_enabled    = true
  retention_policy_in_days   = 30
  tags                       = var.site.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "azurerm_private_endpoint" "endpoint" {
  name                = "pe-${var.site.name}-registry"
  resource_group_name = var.site.resource_group
  location            = var.site.location
  subnet_id           = var.subnet_id
  tags                = var.site.tags

  private_service_connection {
    name                           = "registry"
    private_connection_resource_id = azurerm_container_registry.this.id
    subresource_names              = ["registry"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [var.zone_ids["registry"]]
  }
}

resource "azurerm_role_assignment" "kubelet_pull" {
  scope                = azurerm_container_registry.this.id
  role_definition_name = "AcrPull"
  principal_id         = var.kubelet_principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_monitor_diagnostic_setting" "diagnostics" {
  name                       = "to-workspace"
  target_resource_id         = azurerm_container_registry.this.id
  log_analytics_workspace_id = var.workspace_id

  enabled_log {
    category_group = "allLogs"
  }

  enabled_metric {
    category = "AllMetrics"
  }
}
