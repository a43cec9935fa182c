variable "site" {
  description = "What all resources of an environment share: name is <workload>-<environment>-<location code>, compact the same for services that take no hyphens and want it unique in the world."
  type = object({
    name           = string
    compact        = string
    unique         = string
    location       = string
    resource_group = string
    tags           = map(string)
  })
}

variable "resource_group_id" {
  description = "What the budget is for."
  type        = string
}

variable "subnet_id" {
  description = "Subnet of private endpoints."
  type        = string
}

variable "zone_ids" {
  description = "Private DNS zones by service."
  type        = map(string)
}

variable "network_diagnosed" {
  description = "What the network module has that has logs or metrics."
  type        = map(string)
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
}

variable "log_daily_quota_gb" {
  description = "What a day's logs may come to."
  type        = number
}

variable "admin_group_object_ids" {
  description = "Entra ID groups that administer Grafana."
  type        = list(string)
}

variable "alert_emails" {
  description = "Who is told by alerts."
  type        = list(string)
}

variable "budget_amount" {
  description = "What a month may cost before somebody is told."
  type        = number
}

variable "budget_start" {
  description = "First month of the budget."
  type        = string
}
