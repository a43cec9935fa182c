# Container Insights by managed identity, and Prometheus. What they collect is
# said by rules; where they ask for the rules, by the association with an endpoint.
resource "azurerm_monitor_data_collection_rule" "containers" {
  name                        = "dcr-${var.site.name}-containers"
  resource_group_name         = var.site.resource_group
  location                    = var.site.location
  kind                        = "Linux"
  data_collection_endpoint_id = var.collection_endpoint_id
  tags                        = var.site.tags

  destinations {
    log_analytics {
      name                  = "workspace"
      workspace_resource_id = var.workspace_id
    }
  }

  data_flow {
    streams      = local.streams
    destinations = ["workspace"]
  }

  data_sources {
    extension {
      name           = "ContainerInsightsExtension"
      extension_name = "ContainerInsights"
      streams        = local.streams
      extension_json = jsonencode({
        dataCollectionSettings = {
          interval               = "1m"
          namespaceFilteringMode = "Off"
          enableContainerLogV2   = true
        }
      })
    }
  }
}

resource "azurerm_monitor_data_collection_rule" "prometheus" {
  name                        = "dcr-${var.site.name}-prometheus"
  resource_group_name         = var.site.resource_group
  location                    = var.site.location
  kind                        = "Linux"
  data_collection_endpoint_id = var.collection_endpoint_id
  tags                        = var.site.tags

  destinations {
    monitor_account {
      name               = "metrics"
      monitor_account_id = var.metrics_id
    }
  }

  data_flow {
    streams      = ["Microsoft-PrometheusMetrics"]
    destinations = ["metrics"]
  }

  data_sources {
    prometheus_forwarder {
      name    = "PrometheusDataSource"
      streams = ["Microsoft-PrometheusMetrics"]
    }
  }
}

locals {
  # Performance counters are Prometheus' part, and not paid for twice.
  streams = [
    "Microsoft-ContainerLogV2",
    "Microsoft-KubeEvents",
    "Microsoft-KubePodInventory",
    "Microsoft-KubeNodeInventory",
    "Microsoft-KubeServices",
  ]

  associations = {
    containers = { name = "containers", rule = azurerm_monitor_data_collection_rule.containers.id, endpoint = null }
    prometheus = { name = "prometheus", rule = azurerm_monitor_data_collection_rule.prometheus.id, endpoint = null }
    endpoint   = { name = "configurationAccessEndpoint", rule = null, endpoint = var.collection_endpoint_id }
  }

  alerts = { for name in ["nodes", "traffic"] : name => jsondecode(file("${path.module}/../../../alerts/${name}.json")) }
}

resource "azurerm_monitor_data_collection_rule_association" "this" {
  for_each = local.associations

  name                        = each.value.name
  target_resource_id          = azurerm_kubernetes_cluster.this.id
  data_collection_rule_id     = each.value.rule
  data_collection_endpoint_id = each.value.endpoint
}

# The alerts are data, which both languages read.
resource "azurerm_monitor_alert_prometheus_rule_group" "alerts" {
  for_each = local.alerts

  name                = "alerts-${var.site.name}-${each.key}"
  resource_group_name = var.site.resource_group
  location            = var.site.location
  description         = each.value.description
  cluster_name        = azurerm_kubernetes_cluster.this.name
  scopes              = [var.metrics_id]
  interval            = "PT1M"
  rule_group_enabled  = true
  tags                = var.site.tags

  dynamic "rule" {
    for_each = each.value.rules
    content {
      alert       = rule.value.alert
      expression  = rule.value.expression
      for         = rule.value.for
      severity    = rule.value.severity
      enabled     = true
      annotations = { summary = rule.value.summary }

      action {
        action_group_id = var.action_group_id
      }

      alert_resolution {
        auto_resolved   = true
        time_to_resolve = "PT10M"
      }
    }
  }
}

# What could not be collected.
resource "azurerm_monitor_diagnostic_setting" "rule_diagnostics" {
  for_each = {
    containers = azurerm_monitor_data_collection_rule.containers.id
    prometheus = azurerm_monitor_data_collection_rule.prometheus.id
  }

  name                       = "to-workspace"
  target_resource_id         = each.value
  log_analytics_workspace_id = var.workspace_id

  enabled_log {
    category = "LogErrors"
  }
}

resource "azurerm_monitor_diagnostic_setting" "diagnostics" {
  name                           = "to-workspace"
  target_resource_id             = azurerm_kubernetes_cluster.this.id
  log_analytics_workspace_id     = var.workspace_id
  log_analytics_destination_type = "Dedicated"

  # kube-audit has every read; kube-audit-admin leaves those out, and costs a tenth.
  dynamic "enabled_log" {
    for_each = [
      "cloud-controller-manager",
      "cluster-autoscaler",
      "csi-azuredisk-controller",
      "csi-azurefile-controller",
      "guard",
      "kube-apiserver",
      "kube-audit-admin",
      "kube-controller-manager",
      "kube-scheduler",
    ]
    content {
      category = enabled_log.value
    }
  }

  enabled_metric {
    category = "AllMetrics"
  }
}
