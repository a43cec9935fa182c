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

variable "virtual_network_id" {
  description = "Network that the control plane works in."
  type        = string
}

variable "cluster_zone_id" {
  description = "Private DNS zone of the API server."
  type        = string
}
