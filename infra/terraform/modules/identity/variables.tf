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

variable "subnet_ids" {
  description = "Subnets by name."
  type        = map(string)
}

variable "cluster_zone_id" {
  description = "Private DNS zone of the API server."
  type        = string
}
