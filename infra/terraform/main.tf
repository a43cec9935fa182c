locals {
  site = {
    name           = "${var.workload}-${var.environment}-${var.location_code}"
    compact        = join("", [var.workload, var.environment == "production" ? "prd" : "stg", var.location_code, var.unique])
    unique         = var.unique
    location       = var.location
    resource_group = azurerm_resource_group.this.name
    tags           = local.tags
  }
  tags = {
    workload    = var.workload
    environment = var.environment
    owner       = var.owner
    cost_center = var.cost_center
    managed_by  = "terraform"
  }
}

# The tenant of whoever applies. It is read from the token, not from ARM.
data "azurerm_client_config" "current" {}

resource "azurerm_resource_group" "this" {
  name     = "rg-${var.workload}-${var.environment}-${var.location_code}"
  location = var.location
  tags     = local.tags

  lifecycle {
    prevent_destroy = true
  }
}

module "network" {
  source = "./modules/network"

  site            = local.site
  address_space   = var.address_space
  pod_cidr        = var.pod_cidr
  operator_ranges = var.operator_ranges
  client_ranges   = var.client_ranges
}

module "monitoring" {
  source = "./modules/monitoring"

  site                   = local.site
  resource_group_id      = azurerm_resource_group.this.id
  subnet_id              = module.network.subnet_ids["endpoints"]
  zone_ids               = module.network.zone_ids
  network_diagnosed      = module.network.diagnosed
  log_retention_days     = var.log_retention_days
  log_daily_quota_gb     = var.log_daily_quota_gb
  admin_group_object_ids = var.admin_group_object_ids
  alert_emails           = var.alert_emails
  budget_amount          = var.budget_amount
  budget_start           = var.budget_start
}

module "identity" {
  source = "./modules/identity"

  site               = local.site
  virtual_network_id = module.network.virtual_network_id
  cluster_zone_id    = module.network.zone_ids["cluster"]
}

module "registry" {
  source = "./modules/registry"

  site                 = local.site
  subnet_id            = module.network.subnet_ids["endpoints"]
  zone_ids             = module.network.zone_ids
  workspace_id         = module.monitoring.workspace_id
  kubelet_principal_id = module.identity.principal_ids["kubelet"]
}

module "storage" {
  source = "./modules/storage"

  site         = local.site
  subnet_id    = module.network.subnet_ids["endpoints"]
  zone_ids     = module.network.zone_ids
  workspace_id = module.monitoring.workspace_id
  replication  = var.storage_replication
}

module "vault" {
  source = "./modules/vault"

  site               = local.site
  subnet_id          = module.network.subnet_ids["endpoints"]
  zone_ids           = module.network.zone_ids
  workspace_id       = module.monitoring.workspace_id
  tenant_id          = data.azurerm_client_config.current.tenant_id
  storage_account_id = module.storage.id
  queue_name         = module.storage.queue_name
  action_group_id    = module.monitoring.action_group_id
}

module "redis" {
  source = "./modules/redis"

  site               = local.site
  subnet_id          = module.network.subnet_ids["endpoints"]
  zone_ids           = module.network.zone_ids
  workspace_id       = module.monitoring.workspace_id
  sku                = var.redis_sku
  high_availability  = var.redis_high_availability
  davit_principal_id = module.identity.principal_ids["davit"]
}

module "cluster" {
  source = "./modules/cluster"

  site                   = local.site
  subnet_id              = module.network.subnet_ids["nodes"]
  zone_id                = module.network.zone_ids["cluster"]
  authorized_ranges      = var.api_server_authorized_ranges
  egress_range           = module.network.egress_range
  identity_ids           = module.identity.ids
  kubelet                = { client_id = module.identity.client_ids["kubelet"], object_id = module.identity.principal_ids["kubelet"] }
  kubernetes_version     = var.kubernetes_version
  pod_cidr               = var.pod_cidr
  service_cidr           = var.service_cidr
  system_pool            = var.system_pool
  user_pools             = var.user_pools
  keda_enabled           = var.keda_enabled
  vpa_enabled            = var.vpa_enabled
  tenant_id              = data.azurerm_client_config.current.tenant_id
  admin_group_object_ids = var.admin_group_object_ids
  workspace_id           = module.monitoring.workspace_id
  metrics_id             = module.monitoring.metrics_id
  collection_endpoint_id = module.monitoring.collection_endpoint_id
  action_group_id        = module.monitoring.action_group_id
}

module "davit" {
  source = "./modules/davit"

  site                  = local.site
  environment           = var.environment
  tenant_id             = data.azurerm_client_config.current.tenant_id
  subnet_id             = module.network.subnet_ids["endpoints"]
  zone_ids              = module.network.zone_ids
  workspace_id          = module.monitoring.workspace_id
  identity_ids          = module.identity.ids
  principal_ids         = module.identity.principal_ids
  oidc_issuer_url       = module.cluster.oidc_issuer_url
  namespace             = var.namespace
  github_repository     = var.github_repository
  cluster_id            = module.cluster.id
  registry_id           = module.registry.id
  vault_id              = module.vault.id
  receipts_container_id = module.storage.receipts_container_id
  metrics_id            = module.monitoring.metrics_id
  database_admin_group  = var.database_admin_group
  database = {
    sku               = var.postgres_sku
    storage_mb        = var.postgres_storage_mb
    high_availability = var.postgres_high_availability
    backup_days       = var.postgres_backup_days
    geo_backup        = var.environment == "production"
  }
}
