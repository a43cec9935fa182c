# Receipts and audit, which are written once and kept.
resource "azurerm_storage_account" "this" {
  name                              = "st${var.site.compact}"
  resource_group_name               = var.site.resource_group
  location                          = var.site.location
  account_kind                      = "StorageV2"
  account_tier                      = "Standard"
  account_replication_type          = var.replication
  min_tls_version                   = "TLS1_2"
  https_traffic_only_enabled        = true
  shared_access_key_enabled         = false
  default_to_oauth_authentication   = true
  allow_nested_items_to_be_public   = false
  public_network_access_enabled     = false
  cross_tenant_replication_enabled  = false
  local_user_enabled                = false
  infrastructure_encryption_enabled = true
  tags                              = var.site.tags

  # Azure's own services that sign in get through: Event Grid fills the queue.
  network_rules {
    default_action = "Deny"
    bypass         = ["AzureServices"]
  }

  blob_properties {
    versioning_enabled            = true
    change_feed_enabled           = true
    change_feed_retention_in_days = 90

    delete_retention_policy {
      days = 30
    }
    container_delete_retention_policy {
      days = 30
    }
    restore_policy {
      days = 14
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "azurerm_storage_container" "receipts" {
  name                  = "receipts"
  storage_account_id    = azurerm_storage_account.this.id
  container_access_type = "private"

  lifecycle {
    prevent_destroy = true
  }
}

resource "azurerm_storage_queue" "queue" {
  name               = "vault-events"
  storage_account_id = azurerm_storage_account.this.id
}

resource "azurerm_storage_management_policy" "lifecycle" {
  storage_account_id = azurerm_storage_account.this.id

  rule {
    name    = "old-versions"
    enabled = true

    filters {
      blob_types = ["blockBlob"]
    }
    actions {
      version {
        change_tier_to_cool_after_days_since_creation = 30
        delete_after_days_since_creation              = 365
      }
    }
  }
}

resource "azurerm_private_endpoint" "endpoint" {
  for_each = toset(["blob", "queue"])

  name                = "pe-${var.site.name}-${each.key}"
  resource_group_name = var.site.resource_group
  location            = var.site.location
  subnet_id           = var.subnet_id
  tags                = var.site.tags

  private_service_connection {
    name                           = each.key
    private_connection_resource_id = azurerm_storage_account.this.id
    subresource_names              = [each.key]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [var.zone_ids[each.key]]
  }
}

resource "azurerm_monitor_diagnostic_setting" "diagnostics" {
  for_each = {
    account = { id = azurerm_storage_account.this.id, logs = [] }
    blob    = { id = "${azurerm_storage_account.this.id}/blobServices/default", logs = ["allLogs"] }
    queue   = { id = "${azurerm_storage_account.this.id}/queueServices/default", logs = ["allLogs"] }
  }

  name                       = "to-workspace"
  target_resource_id         = each.value.id
  log_analytics_workspace_id = var.workspace_id

  dynamic "enabled_log" {
    for_each = each.value.logs
    content {
      category_group = enabled_log.value
    }
  }

  enabled_metric {
    category = "Transaction"
  }
}
