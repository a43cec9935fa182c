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

variable "address_space" {
  description = "The network's range, a /16."
  type        = string
}

variable "pod_cidr" {
  description = "Addresses of pods, which the security groups see between nodes."
  type        = string
}

variable "operator_ranges" {
  description = "Ranges of peered networks that reach the private endpoints."
  type        = list(string)
}

variable "client_ranges" {
  description = "Ranges outside of the network that reach the gateway."
  type        = list(string)
}
