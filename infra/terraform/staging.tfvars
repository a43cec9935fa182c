# What is yours: unique, owner, cost_center, the groups, alert_emails, budget_start and github_repository.
environment   = "staging"
location      = "westeurope"
location_code = "weu"
unique        = "d4v1t"
owner         = "platform"
cost_center   = "engineering"

address_space = "10.40.0.0/16"

# Nodes are the greatest part of the bill. A node of the size below is about 180 USD a month.
system_pool = { vm_size = "Standard_D4ads_v5", min = 3, max = 5 }
user_pools = {
  general = { vm_size = "Standard_D4ads_v5", min = 1, max = 4 }
}

admin_group_object_ids = ["00000000-0000-0000-0000-00000000000a"]
database_admin_group   = { object_id = "00000000-0000-0000-0000-00000000000b", name = "davit-database-admins" }

# The smallest Redis, alone: it is a cache of flags here, and may be gone for a while.
redis_sku               = "Balanced_B0"
redis_high_availability = false

postgres_sku               = "B_Standard_B2s"
postgres_high_availability = false
postgres_backup_days       = 7

log_daily_quota_gb = 1

alert_emails  = ["platform@example.org"]
budget_amount = 1500
budget_start  = "2026-12-01T00:00:00Z" # the month in which the environment is made

github_repository = "davit-dev/davit"
