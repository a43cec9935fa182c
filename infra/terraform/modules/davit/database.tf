# The state that several servers share. Entra ID signs in; no password exists.
resource "azurerm_postgresql_flexible_server" "this" {
  name                          = "psql-${var.site.name}-${var.site.unique}"
  resource_group_name           = var.site.resource_group
  location                      = var.site.location
  version                       = "17"
  sku_name                      = var.database.sku
  storage_mb                    = var.database.storage_mb
  auto_grow_enabled             = true
  backup_retention_days         = var.database.backup_days
  geo_redundant_backup_enabled  = var.database.geo_backup
  public_network_access_enabled = false
  zone                          = "1"
  tags                          = var.site.tags

  authentication {
    active_directory_auth_enabled = true
    password_auth_enabled         = false
    tenant_id                     = var.tenant_id
  }

  dynamic "high_availability" {
    for_each = var.database.high_availability ? ["2"] : []
    content {
      mode                      = "ZoneRedundant"
      standby_availability_zone = high_availability.value
    }
  }

  identity {
    type = "SystemAssigned"
  }

  maintenance_window {
    day_of_week  = 3
    start_hour   = 2
    start_minute = 0
  }

  lifecycle {
    prevent_destroy = true
    # A failover swaps them.
    ignore_changes = [zone, high_availability[0].standby_availability_zone]
  }
}

resource "azurerm_postgresql_flexible_server_active_directory_administrator" "admin" {
  server_name         = azurerm_postgresql_flexible_server.this.name
  resource_group_name = var.site.resource_group
  tenant_id           = var.tenant_id
  object_id           = var.database_admin_group.object_id
  principal_name      = var.database_admin_group.name
  principal_type      = "Group"

  depends_on = [azurerm_postgresql_flexible_server_configuration.setting]
}

resource "azurerm_postgresql_flexible_server_database" "database" {
  name      = "davit"
  server_id = azurerm_postgresql_flexible_server.this.id
  charset   = "UTF8"
  collation = "en_US.utf8"

  depends_on = [azurerm_postgresql_flexible_server_active_directory_administrator.admin]

  lifecycle {
    prevent_destroy = true
  }
}

# What is done to the server is done in turn, for it refuses a change during another:
# its parameters, who administers it, the database, the endpoint.
resource "azurerm_postgresql_flexible_server_configuration" "setting" {
  for_each = {
    "connection_throttle.enable" = "on"
    "log_checkpoints"            = "on"
    "require_secure_transport"   = "on"
    "ssl_min_protocol_version"   = "TLSv1.2"
  }

  name      = each.key
  server_id = azurerm_postgresql_flexible_server.this.id
  value     = each.value
}

resource "azurerm_private_endpoint" "endpoint" {
  name                = "pe-${var.site.name}-postgres"
  resource_group_name = var.site.resource_group
  location            = var.site.location
  subnet_id           = var.subnet_id
  tags                = var.site.tags

  private_service_connection {
    name                           = "postgres"
    private_connection_resource_id = azurerm_postgresql_flexible_server.this.id
    subresource_names              = ["postgresqlServer"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [var.zone_ids["postgres"]]
  }

  depends_on = [azurerm_postgresql_flexible_server_database.database]
}

resource "azurerm_monitor_diagnostic_setting" "diagnostics" {
  name                       = "to-workspace"
  target_resource_id         = azurerm_postgresql_flexible_server.this.id
  log_analytics_workspace_id = var.workspace_id

  enabled_log {
    category_group = "allLogs"
  }

  enabled_metric {
    category = "AllMetrics"
  }
}
