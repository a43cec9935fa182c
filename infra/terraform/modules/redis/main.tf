# Azure Managed Redis: what Azure Cache for Redis and its Enterprise tiers are
# replaced by. Port 10000, TLS 1.2, Entra ID instead of keys.
resource "azurerm_managed_redis" "this" {
  name                      = "redis-${var.site.name}-${var.site.unique}"
  resource_group_name       = var.site.resource_group
  location                  = var.site.location
  sku_name                  = var.sku
  high_availability_enabled = var.high_availability
  public_network_access     = "Disabled"
  tags                      = var.site.tags

  default_database {
    access_keys_authentication_enabled = false
    client_protocol                    = "Encrypted"
    # One endpoint, for clients that know nothing of clusters.
    clustering_policy = "EnterpriseCluster"
    eviction_policy   = "VolatileLRU"
  }
}

resource "azurerm_managed_redis_access_policy_assignment" "access" {
  managed_redis_id = azurerm_managed_redis.this.id
  object_id        = var.davit_principal_id
}

resource "azurerm_private_endpoint" "endpoint" {
  name                = "pe-${var.site.name}-redis"
  resource_group_name = var.site.resource_group
  location            = var.site.location
  subnet_id           = var.subnet_id
  tags                = var.site.tags

  private_service_connection {
    name                           = "redis"
    private_connection_resource_id = azurerm_managed_redis.this.id
    subresource_names              = ["redisEnterprise"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [var.zone_ids["redis"]]
  }

  # The cache refuses a change during another.
  depends_on = [azurerm_managed_redis_access_policy_assignment.access]
}

resource "azurerm_monitor_diagnostic_setting" "diagnostics" {
  for_each = {
    cluster  = { id = azurerm_managed_redis.this.id, logs = [], metrics = ["AllMetrics"] }
    database = { id = "${azurerm_managed_redis.this.id}/databases/default", logs = ["allLogs"], metrics = [] }
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

  dynamic "enabled_metric" {
    for_each = each.value.metrics
    content {
      category = enabled_metric.value
    }
  }
}
