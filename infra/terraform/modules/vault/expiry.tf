# The vault says when a secret, a key or a certificate nears its end. The event
# goes to a queue, for whoever renews, and an alert counts the events.
resource "azurerm_eventgrid_system_topic" "events" {
  name                = "evgt-${var.site.name}-vault"
  resource_group_name = var.site.resource_group
  location            = var.site.location
  source_resource_id  = azurerm_key_vault.this.id
  topic_type          = "Microsoft.KeyVault.vaults"
  tags                = var.site.tags

  identity {
    type = "SystemAssigned"
  }
}

resource "azurerm_role_assignment" "events_sender" {
  scope                = var.storage_account_id
  role_definition_name = "Storage Queue Data Message Sender"
  principal_id         = azurerm_eventgrid_system_topic.events.identity[0].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_eventgrid_system_topic_event_subscription" "expiry" {
  name                = "expiry"
  system_topic        = azurerm_eventgrid_system_topic.events.name
  resource_group_name = var.site.resource_group
  included_event_types = [
    "Microsoft.KeyVault.CertificateExpired",
    "Microsoft.KeyVault.CertificateNearExpiry",
    "Microsoft.KeyVault.KeyExpired",
    "Microsoft.KeyVault.KeyNearExpiry",
    "Microsoft.KeyVault.SecretExpired",
    "Microsoft.KeyVault.SecretNearExpiry",
  ]

  storage_queue_endpoint {
    storage_account_id                    = var.storage_account_id
    queue_name                            = var.queue_name
    queue_message_time_to_live_in_seconds = 2592000
  }

  delivery_identity {
    type = "SystemAssigned"
  }

  depends_on = [azurerm_role_assignment.events_sender]
}

resource "azurerm_monitor_metric_alert" "expiry_alert" {
  name                = "alert-${var.site.name}-expiry"
  resource_group_name = var.site.resource_group
  description         = "A secret, key or certificate of the vault nears its end, or has reached it: see the queue ${var.queue_name}."
  scopes              = [azurerm_eventgrid_system_topic.events.id]
  severity            = 2
  frequency           = "PT15M"
  window_size         = "PT1H"
  tags                = var.site.tags

  criteria {
    metric_namespace = "Microsoft.EventGrid/systemTopics"
    metric_name      = "MatchedEventCount"
    aggregation      = "Total"
    operator         = "GreaterThan"
    threshold        = 0
  }

  action {
    action_group_id = var.action_group_id
  }
}

resource "azurerm_monitor_diagnostic_setting" "events_diagnostics" {
  name                       = "to-workspace"
  target_resource_id         = azurerm_eventgrid_system_topic.events.id
  log_analytics_workspace_id = var.workspace_id

  enabled_log {
    category_group = "allLogs"
  }

  enabled_metric {
    category = "AllMetrics"
  }
}
