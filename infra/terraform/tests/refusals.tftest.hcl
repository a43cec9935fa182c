# What variables refuse, because nothing after them would: in each run, all that
# are set are wrong, and each of them must be refused.
mock_provider "azurerm" {
  mock_data "azurerm_client_config" {
    defaults = { tenant_id = "00000000-0000-0000-0000-000000000003" }
  }
}

variables {
  environment            = "staging"
  location               = "westeurope"
  location_code          = "weu"
  unique                 = "d4v1t"
  owner                  = "platform"
  cost_center            = "engineering"
  address_space          = "10.40.0.0/16"
  system_pool            = { vm_size = "Standard_D4ads_v5", min = 3, max = 5 }
  user_pools             = { general = { vm_size = "Standard_D4ads_v5", min = 1, max = 4 } }
  admin_group_object_ids = ["00000000-0000-0000-0000-00000000000a"]
  database_admin_group   = { object_id = "00000000-0000-0000-0000-00000000000b", name = "admins" }
  redis_sku              = "Balanced_B0"
  postgres_sku           = "GP_Standard_D2ds_v5"
  alert_emails           = ["platform@example.org"]
  budget_amount          = 100
  budget_start           = "2026-12-01T00:00:00Z"
  github_repository      = "example/shop"
}

run "one_thing_wrong_in_each" {
  command = plan

  variables {
    workload                     = "applications"
    location_code                = "westeurope"
    unique                       = "d4-v"
    owner                        = " "
    cost_center                  = ""
    pod_cidr                     = "172.30.0.0/16"
    operator_ranges              = ["0.0.0.0/0"]
    client_ranges                = ["0.0.0.0/0"]
    api_server_authorized_ranges = ["0.0.0.0/0"]
    kubernetes_version           = "1.35.2"
    system_pool                  = { vm_size = "Standard_D4ads_v5", min = 1, max = 5 }
    user_pools                   = { general = { vm_size = "Standard_D4ads_v5", min = 3, max = 2 } }
    admin_group_object_ids       = []
    database_admin_group         = { object_id = "admins", name = "admins" }
    redis_sku                    = "Premium"
    storage_replication          = "LRS"
    postgres_sku                 = "Standard_D2ds_v5"
    postgres_storage_mb          = 40000
    postgres_backup_days         = 1
    log_retention_days           = 7
    log_daily_quota_gb           = -1
    alert_emails                 = []
    budget_amount                = 0
    budget_start                 = "2026-12-15T00:00:00Z"
    github_repository            = "https://github.com/example/shop"
    namespace                    = "my_davit"
  }

  expect_failures = [
    var.workload,
    var.location_code,
    var.unique,
    var.owner,
    var.cost_center,
    var.pod_cidr,
    var.operator_ranges,
    var.client_ranges,
    var.api_server_authorized_ranges,
    var.kubernetes_version,
    var.system_pool,
    var.user_pools,
    var.admin_group_object_ids,
    var.database_admin_group,
    var.redis_sku,
    var.storage_replication,
    var.postgres_sku,
    var.postgres_storage_mb,
    var.postgres_backup_days,
    var.log_retention_days,
    var.log_daily_quota_gb,
    var.alert_emails,
    var.budget_amount,
    var.budget_start,
    var.github_repository,
    var.namespace,
  ]
}

run "another_thing_wrong" {
  command = plan

  variables {
    pod_cidr     = "10.32.0.0/12"
    system_pool  = { vm_size = "Standard_D4ads_v5", min = 6, max = 5 }
    user_pools   = { system = { vm_size = "Standard_D4ads_v5", min = 1, max = 2 } }
    postgres_sku = "B_Standard_B2s"
  }

  expect_failures = [
    var.pod_cidr,
    var.system_pool,
    var.user_pools,
    var.postgres_high_availability,
  ]
}

run "a_third_thing_wrong" {
  command = plan

  variables {
    service_cidr = "10.244.128.0/20"
    user_pools   = {}
  }

  expect_failures = [
    var.service_cidr,
    var.user_pools,
  ]
}

# Those that the checks of others read.
run "what_others_depend_on" {
  command = plan

  variables {
    environment   = "test"
    address_space = "10.40.0.0/24"
  }

  expect_failures = [
    var.environment,
    var.address_space,
  ]
}

# What staging may be and production may not.
run "in_production" {
  command = plan

  variables {
    environment                  = "production"
    api_server_authorized_ranges = ["203.0.113.0/24"]
    user_pools                   = { general = { vm_size = "Standard_D4ads_v5", min = 1, max = 4 } }
    redis_high_availability      = false
    postgres_high_availability   = false
  }

  expect_failures = [
    var.api_server_authorized_ranges,
    var.user_pools,
    var.redis_high_availability,
    var.postgres_high_availability,
  ]
}
