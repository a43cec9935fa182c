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

variable "subnet_id" {
  description = "Subnet of private endpoints."
  type        = string
}

variable "zone_ids" {
  description = "Private DNS zones by service."
  type        = map(string)
}

variable "workspace_id" {
  description = "Workspace that takes logs and metrics."
  type        = string
}

variable "kubelet_principal_id" {
  description = "Who pulls images."
  type        = string
}
