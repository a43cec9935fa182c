variable "workload" {
  description = "What runs here. The first part of all names."
  type        = string
  default     = "davit"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,7}$", var.workload))
    error_message = "workload is 2 to 8 lower-case letters and digits, the first a letter: names of storage accounts and vaults end at 24."
  }
}

variable "environment" {
  description = "staging or production."
  type        = string

  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "environment is staging or production."
  }
}

variable "location" {
  description = "Azure region. It must have three availability zones."
  type        = string
}

variable "location_code" {
  description = "Short name of the region, for names: weu for westeurope."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2,4}$", var.location_code))
    error_message = "location_code is 2 to 4 lower-case letters."
  }
}

variable "unique" {
  description = "What makes names that are unique in the world yours."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{3,5}$", var.unique))
    error_message = "unique is 3 to 5 lower-case letters and digits."
  }
}

variable "owner" {
  description = "Team that answers for the environment. A tag."
  type        = string

  validation {
    condition     = length(trimspace(var.owner)) > 0
    error_message = "owner is missing: every resource is tagged with it."
  }
}

variable "cost_center" {
  description = "Who pays. A tag."
  type        = string

  validation {
    condition     = length(trimspace(var.cost_center)) > 0
    error_message = "cost_center is missing: every resource is tagged with it."
  }
}

variable "address_space" {
  description = "The network's range, a /16 that no peered network has."
  type        = string

  validation {
    condition     = can(cidrnetmask(var.address_space)) && endswith(var.address_space, "/16")
    error_message = "address_space is an IPv4 /16."
  }
}

variable "pod_cidr" {
  description = "Addresses of pods. They are an overlay: clusters that do not talk pod to pod may share them."
  type        = string
  default     = "10.244.0.0/16"

  # Two ranges overlap when they are the same, cut to the shorter prefix.
  validation {
    condition = alltrue([for taken in ["172.30.0.0/16", "172.31.0.0/16", var.address_space] :
      try(cidrsubnet("${split("/", var.pod_cidr)[0]}/${min(split("/", var.pod_cidr)[1], split("/", taken)[1])}", 0, 0) !=
      cidrsubnet("${split("/", taken)[0]}/${min(split("/", var.pod_cidr)[1], split("/", taken)[1])}", 0, 0), false)
    ])
    error_message = "pod_cidr is an IPv4 range that overlaps neither address_space nor 172.30.0.0/16 and 172.31.0.0/16, which AKS keeps for itself."
  }
}

variable "service_cidr" {
  description = "Addresses of Kubernetes services."
  type        = string
  default     = "10.245.0.0/16"

  validation {
    condition = alltrue([for taken in ["172.30.0.0/16", "172.31.0.0/16", var.address_space, var.pod_cidr] :
      try(cidrsubnet("${split("/", var.service_cidr)[0]}/${min(split("/", var.service_cidr)[1], split("/", taken)[1])}", 0, 0) !=
      cidrsubnet("${split("/", taken)[0]}/${min(split("/", var.service_cidr)[1], split("/", taken)[1])}", 0, 0), false)
    ])
    error_message = "service_cidr is an IPv4 range that overlaps neither address_space, nor pod_cidr, nor 172.30.0.0/16 and 172.31.0.0/16, which AKS keeps for itself."
  }
}

variable "operator_ranges" {
  description = "Ranges of peered networks that reach the private endpoints, such as a VPN's."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for r in var.operator_ranges : can(cidrnetmask(r)) && !endswith(r, "/0")])
    error_message = "operator_ranges are IPv4 ranges, and none of them is everybody."
  }
}

variable "client_ranges" {
  description = "Ranges outside of the network that reach the gateway on 443: those of the front door or of peered networks."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for r in var.client_ranges : can(cidrnetmask(r)) && !endswith(r, "/0")])
    error_message = "client_ranges are IPv4 ranges, and none of them is everybody: put a web application firewall before the gateway."
  }
}

variable "api_server_authorized_ranges" {
  description = "Who reaches a public API server. Without any, the cluster is private."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for r in var.api_server_authorized_ranges : can(cidrnetmask(r)) && !endswith(r, "/0")])
    error_message = "api_server_authorized_ranges are IPv4 ranges, and none of them is everybody."
  }

  validation {
    condition     = var.environment != "production" || length(var.api_server_authorized_ranges) == 0
    error_message = "Production's API server is private: api_server_authorized_ranges must be empty."
  }
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes that a cluster or a pool begins with. Patches arrive by the upgrade channel, the next minor by az aks upgrade."
  type        = string
  default     = "1.35"

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "kubernetes_version is a minor version, such as 1.35: the upgrade channel picks the patch."
  }
}

variable "system_pool" {
  description = "Nodes of the cluster's own workloads, over three zones."
  type = object({
    vm_size = string
    min     = number
    max     = number
  })

  validation {
    condition     = var.system_pool.min >= 3
    error_message = "system_pool: min is below 3, one node for each zone."
  }

  validation {
    condition     = var.system_pool.min <= var.system_pool.max
    error_message = "system_pool: min is above max."
  }

  validation {
    condition     = var.system_pool.max <= 100
    error_message = "system_pool: max is above 100."
  }
}

variable "user_pools" {
  description = "Nodes of the applications, by the pool's name."
  type = map(object({
    vm_size = string
    min     = number
    max     = number
  }))

  validation {
    condition     = length(var.user_pools) > 0 && alltrue([for name, _ in var.user_pools : can(regex("^[a-z][a-z0-9]{0,11}$", name)) && name != "system"])
    error_message = "user_pools: there is at least one, and names are 1 to 12 lower-case letters and digits, the first a letter, and not system."
  }

  validation {
    condition     = alltrue([for p in values(var.user_pools) : p.min <= p.max])
    error_message = "user_pools: min is above max."
  }

  validation {
    condition     = alltrue([for p in values(var.user_pools) : p.min >= (var.environment == "production" ? 3 : 1) && p.max <= 100])
    error_message = "user_pools: min is at least 1, in production 3 (one node for each zone), and max at most 100."
  }
}

variable "keda_enabled" {
  description = "Whether workloads beside Davit's may scale on events."
  type        = bool
  default     = false
}

variable "vpa_enabled" {
  description = "Whether workloads beside Davit's may have their requests set by the vertical autoscaler."
  type        = bool
  default     = false
}

variable "admin_group_object_ids" {
  description = "Entra ID groups that administer the cluster and Grafana."
  type        = list(string)

  validation {
    condition     = length(var.admin_group_object_ids) > 0 && alltrue([for id in var.admin_group_object_ids : can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", id))])
    error_message = "admin_group_object_ids are UUIDs, at least one: local accounts are off."
  }
}

variable "database_admin_group" {
  description = "Entra ID group that administers PostgreSQL."
  type = object({
    object_id = string
    name      = string
  })

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.database_admin_group.object_id)) && length(var.database_admin_group.name) > 0
    error_message = "database_admin_group has a UUID and a name."
  }
}

variable "redis_sku" {
  description = "Size of Azure Managed Redis."
  type        = string

  validation {
    condition     = can(regex("^(Balanced_B|MemoryOptimized_M|ComputeOptimized_X)[0-9]+$", var.redis_sku))
    error_message = "redis_sku is one of Azure Managed Redis, such as Balanced_B5."
  }
}

variable "redis_high_availability" {
  description = "Whether Redis has a replica in another zone."
  type        = bool
  default     = true

  validation {
    condition     = var.redis_high_availability || var.environment != "production"
    error_message = "Production's Redis is highly available: redis_high_availability must be true."
  }
}

variable "storage_replication" {
  description = "ZRS: three zones. GZRS: another region too."
  type        = string
  default     = "ZRS"

  validation {
    condition     = contains(["ZRS", "GZRS"], var.storage_replication)
    error_message = "storage_replication is ZRS or GZRS: others live in one zone."
  }
}

variable "postgres_sku" {
  description = "Size of PostgreSQL Flexible Server."
  type        = string

  validation {
    condition     = can(regex("^(B|GP|MO)_Standard_[A-Za-z0-9_]+$", var.postgres_sku)) && (var.environment != "production" || !startswith(var.postgres_sku, "B_"))
    error_message = "postgres_sku is tier and size, such as GP_Standard_D4ds_v5; production takes no burstable one, which cannot be highly available."
  }
}

variable "postgres_storage_mb" {
  description = "Where storage starts; it grows by itself."
  type        = number
  default     = 32768

  validation {
    condition     = contains([32768, 65536, 131072, 262144, 524288, 1048576], var.postgres_storage_mb)
    error_message = "postgres_storage_mb is a size that Azure sells: 32768, 65536, 131072, 262144, 524288 or 1048576."
  }
}

variable "postgres_high_availability" {
  description = "Whether PostgreSQL has a standby in another zone."
  type        = bool
  default     = true

  validation {
    condition     = var.postgres_high_availability || var.environment != "production"
    error_message = "Production's PostgreSQL is highly available: postgres_high_availability must be true."
  }

  validation {
    condition     = !(var.postgres_high_availability && startswith(var.postgres_sku, "B_"))
    error_message = "A burstable PostgreSQL cannot be highly available: postgres_high_availability must be false."
  }
}

variable "postgres_backup_days" {
  description = "How far back PostgreSQL can be restored, in days."
  type        = number
  default     = 14

  validation {
    condition     = var.postgres_backup_days >= 7 && var.postgres_backup_days <= 35
    error_message = "postgres_backup_days is between 7 and 35."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept, in days."
  type        = number
  default     = 30

  validation {
    condition     = var.log_retention_days >= 30 && var.log_retention_days <= 730
    error_message = "log_retention_days is between 30 and 730."
  }
}

variable "log_daily_quota_gb" {
  description = "What a day's logs may come to before the workspace takes no more, in GB."
  type        = number
  default     = 5

  validation {
    condition     = var.log_daily_quota_gb > 0
    error_message = "log_daily_quota_gb is above 0: a loop that logs must not cost without end."
  }
}

variable "alert_emails" {
  description = "Who is told by alerts."
  type        = list(string)

  validation {
    condition     = length(var.alert_emails) > 0 && alltrue([for a in var.alert_emails : can(regex("^[^@ ]+@[^@ ]+$", a))])
    error_message = "alert_emails has at least one address: an alert that nobody gets is none."
  }
}

variable "budget_amount" {
  description = "What a month may cost before somebody is told, in the subscription's currency."
  type        = number

  validation {
    condition     = var.budget_amount > 0
    error_message = "budget_amount is above 0."
  }
}

variable "budget_start" {
  description = "First month of the budget: the one in which it is made, for Azure takes none that is past."
  type        = string

  validation {
    condition     = can(regex("^20[0-9]{2}-(0[1-9]|1[0-2])-01T00:00:00Z$", var.budget_start))
    error_message = "budget_start is the first of a month: 2026-12-01T00:00:00Z."
  }
}

variable "github_repository" {
  description = "Repository whose workflows deploy, owner/name. They sign in by OpenID Connect, in the environment of this environment's name."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository is owner/name."
  }
}

variable "namespace" {
  description = "Kubernetes namespace in which Davit runs, with the service account davit."
  type        = string
  default     = "davit"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "namespace is a DNS label."
  }
}
