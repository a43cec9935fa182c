# Secrets are put in here by people and read by pods. None of them passes
# through Terraform, so none is in its state.
resource "azurerm_key_vault" "this" {
  name                          = "kv${var.site.compact}"
  resource_group_name           = var.site.resource_group
  location                      = var.site.location
  tenant_id                     = var.tenant_id
  sku_name                      = "standard"
  rbac_authorization_enabled    = true
  purge_protection_enabled      = true
  soft_delete_retention_days    = 90
  public_network_access_enabled = false
  tags                          = var.site.tags

  # Virtual machines, disks and templates of Azure's get nothing from it.
  enabled_for_deployment          = false
  enabled_for_disk_encryption     = false
  enabled_for_template_deployment = false

  network_acls {
    default_action = "Deny"
    bypass         = "None"
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "azurerm_private_endpoint" "endpoint" {
  name                = "pe-${var.site.name}-vault"
  resource_group_name = var.site.resource_group
  location            = var.site.location
  subnet_id           = var.subnet_id
  tags                = var.site.tags

  private_service_connection {
    name                           = "vault"
    private_connection_resource_id = azurerm_key_vault.this.id
    subresource_names              = ["vault"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [var.zone_ids["vault"]]
  }
}

resource "azurerm_monitor_diagnostic_setting" "diagnostics" {
  name                       = "to-workspace"
  target_resource_id         = azurerm_key_vault.this.id
  log_analytics_workspace_id = var.workspace_id

  enabled_log {
    category_group = "allLogs"
  }

  enabled_metric {
    category = "AllMetrics"
  }
}
