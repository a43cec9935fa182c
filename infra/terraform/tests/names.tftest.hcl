# What the modules make of their variables. The provider pretends: these plans
# are about logic; what Azure would take is planned for real by make test-infra.
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

run "names_fit_where_they_are_longest" {
  command = plan

  variables {
    workload      = "workload"
    environment   = "production"
    location_code = "gwcn"
    user_pools    = { general = { vm_size = "Standard_D4ads_v5", min = 3, max = 4 } }
  }

  assert {
    condition     = module.storage.name == "stworkloadprdgwcnd4v1t" && length(module.storage.name) <= 24
    error_message = "The storage account is called ${module.storage.name}."
  }
}
