locals {
  zones   = ["1", "2", "3"]
  private = length(var.authorized_ranges) == 0
}

# Who may do what is decided by Entra ID and Azure roles alone: there are no
# local accounts, and no command runs through ARM.
resource "azurerm_kubernetes_cluster" "this" {
  name                = "aks-${var.site.name}"
  resource_group_name = var.site.resource_group
  location            = var.site.location
  node_resource_group = "rg-${var.site.name}-nodes"
  sku_tier            = "Standard"
  kubernetes_version  = var.kubernetes_version
  tags                = var.site.tags

  # A private cluster in a zone of its own takes its prefix under another name.
  dns_prefix                          = local.private ? null : var.site.name
  dns_prefix_private_cluster          = local.private ? var.site.name : null
  private_cluster_enabled             = local.private
  private_cluster_public_fqdn_enabled = false
  private_dns_zone_id                 = local.private ? var.zone_id : null

  local_account_disabled            = true
  role_based_access_control_enabled = true
  run_command_enabled               = false
  oidc_issuer_enabled               = true
  workload_identity_enabled         = true
  azure_policy_enabled              = true
  cost_analysis_enabled             = true
  image_cleaner_enabled             = true
  image_cleaner_interval_hours      = 168

  automatic_upgrade_channel = "patch"
  node_os_upgrade_channel   = "NodeImage"

  identity {
    type         = "UserAssigned"
    identity_ids = [var.identity_ids["cluster"]]
  }

  kubelet_identity {
    client_id                 = var.kubelet.client_id
    object_id                 = var.kubelet.object_id
    user_assigned_identity_id = var.identity_ids["kubelet"]
  }

  azure_active_directory_role_based_access_control {
    tenant_id          = var.tenant_id
    azure_rbac_enabled = true
  }

  dynamic "api_server_access_profile" {
    for_each = local.private ? [] : [concat(var.authorized_ranges, [var.egress_range])]
    content {
      authorized_ip_ranges = api_server_access_profile.value
    }
  }

  default_node_pool {
    name                         = "system"
    vm_size                      = var.system_pool.vm_size
    auto_scaling_enabled         = true
    min_count                    = var.system_pool.min
    max_count                    = var.system_pool.max
    zones                        = local.zones
    only_critical_addons_enabled = true
    os_sku                       = "AzureLinux"
    os_disk_type                 = "Ephemeral"
    os_disk_size_gb              = 128
    host_encryption_enabled      = true
    node_public_ip_enabled       = false
    max_pods                     = 110
    orchestrator_version         = var.kubernetes_version
    vnet_subnet_id               = var.subnet_id
    temporary_name_for_rotation  = "systemtmp"
    tags                         = var.site.tags

    upgrade_settings {
      max_surge                     = "33%"
      drain_timeout_in_minutes      = 30
      node_soak_duration_in_minutes = 0
    }
  }

  # Nodes come from the pools below, in the sizes that were chosen.
  node_provisioning_profile {
    mode = "Manual"
  }

  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
    pod_cidr            = var.pod_cidr
    service_cidr        = var.service_cidr
    dns_service_ip      = cidrhost(var.service_cidr, 10)
    outbound_type       = "userAssignedNATGateway"
    load_balancer_sku   = "standard"
  }

  auto_scaler_profile {
    balance_similar_node_groups = true
    expander                    = "least-waste"
  }

  workload_autoscaler_profile {
    keda_enabled                    = var.keda_enabled
    vertical_pod_autoscaler_enabled = var.vpa_enabled
  }

  key_vault_secrets_provider {
    secret_rotation_enabled  = true
    secret_rotation_interval = "5m"
  }

  microsoft_defender {
    log_analytics_workspace_id = var.workspace_id
  }

  oms_agent {
    log_analytics_workspace_id      = var.workspace_id
    msi_auth_for_monitoring_enabled = true
  }

  monitor_metrics {}

  storage_profile {
    blob_driver_enabled = false
    disk_driver_enabled = true
    file_driver_enabled = true
  }

  maintenance_window_auto_upgrade {
    frequency   = "Weekly"
    interval    = 1
    day_of_week = "Tuesday"
    start_time  = "02:00"
    utc_offset  = "+00:00"
    duration    = 4
  }

  maintenance_window_node_os {
    frequency   = "Weekly"
    interval    = 1
    day_of_week = "Wednesday"
    start_time  = "02:00"
    utc_offset  = "+00:00"
    duration    = 4
  }

  lifecycle {
    prevent_destroy = true
    # The autoscaler's; and the upgrade channel's, which makes 1.35.4 of 1.35.
    ignore_changes = [
      default_node_pool[0].node_count,
      default_node_pool[0].orchestrator_version,
      kubernetes_version,
    ]
  }
}

resource "azurerm_kubernetes_cluster_node_pool" "this" {
  for_each = var.user_pools

  name                    = each.key
  kubernetes_cluster_id   = azurerm_kubernetes_cluster.this.id
  mode                    = "User"
  vm_size                 = each.value.vm_size
  auto_scaling_enabled    = true
  min_count               = each.value.min
  max_count               = each.value.max
  zones                   = local.zones
  os_sku                  = "AzureLinux"
  os_disk_type            = "Ephemeral"
  os_disk_size_gb         = 128
  host_encryption_enabled = true
  node_public_ip_enabled  = false
  max_pods                = 110
  orchestrator_version    = var.kubernetes_version
  vnet_subnet_id          = var.subnet_id
  tags                    = var.site.tags

  upgrade_settings {
    max_surge                     = "33%"
    drain_timeout_in_minutes      = 30
    node_soak_duration_in_minutes = 0
  }

  lifecycle {
    ignore_changes = [node_count, orchestrator_version]
  }
}

# The first lets administrators do everything in the cluster, the second fetch the
# credentials that say where it is.
resource "azurerm_role_assignment" "admins" {
  for_each = toset(var.admin_group_object_ids)

  scope                = azurerm_kubernetes_cluster.this.id
  role_definition_name = "Azure Kubernetes Service RBAC Cluster Admin"
  principal_id         = each.value
  principal_type       = "Group"
}

resource "azurerm_role_assignment" "admin_users" {
  for_each = toset(var.admin_group_object_ids)

  scope                = azurerm_kubernetes_cluster.this.id
  role_definition_name = "Azure Kubernetes Service Cluster User Role"
  principal_id         = each.value
  principal_type       = "Group"
}
