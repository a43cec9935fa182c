# What is yours: unique, owner, cost_center, the groups, alert_emails, budget_start and github_repository.
environment   = "production"
location      = "westeurope"
location_code = "weu"
unique        = "d4v1t"
owner         = "platform"
cost_center   = "engineering"

address_space = "10.41.0.0/16"

# Three zones, a node in each. The general pool's nodes are about 360 USD a month each.
system_pool = { vm_size = "Standard_D4ads_v5", min = 3, max = 6 }
user_pools = {
  general = { vm_size = "Standard_D8ads_v5", min = 3, max = 12 }
}
keda_enabled = true
vpa_enabled  = true

admin_group_object_ids = ["00000000-0000-0000-0000-00000000000a"]
database_admin_group   = { object_id = "00000000-0000-0000-0000-00000000000b", name = "davit-database-admins" }

# 6 GB with a replica in another zone.
redis_sku = "Balanced_B5"

# Receipts and audit outlive the region.
storage_replication = "GZRS"

postgres_sku         = "GP_Standard_D4ds_v5"
postgres_storage_mb  = 131072
postgres_backup_days = 35

log_retention_days = 90
log_daily_quota_gb = 10

alert_emails  = ["platform@example.org"]
budget_amount = 5000
budget_start  = "2026-12-01T00:00:00Z" # the month in which the environment is made

github_repository = "davit-dev/davit"
