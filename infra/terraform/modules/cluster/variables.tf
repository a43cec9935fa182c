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
  description = "Subnet of nodes."
  type        = string
}

variable "zone_id" {
  description = "Private DNS zone of the API server."
  type        = string
}

variable "authorized_ranges" {
  description = "Who reaches a public API server. Without any, it is private."
  type        = list(string)
}

variable "egress_range" {
  description = "What the nodes are seen as outside of the network: they reach a public API server there too."
  type        = string
}

variable "identity_ids" {
  description = "Identities by name: cluster and kubelet."
  type        = map(string)
}

variable "kubelet" {
  description = "The kubelet's identity."
  type = object({
    client_id = string
    object_id = string
  })
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes."
  type        = string
}

variable "pod_cidr" {
  description = "Addresses of pods."
  type        = string
}

variable "service_cidr" {
  description = "Addresses of services."
  type        = string
}

variable "system_pool" {
  description = "Nodes of the cluster's own workloads."
  type = object({
    vm_size = string
    min     = number
    max     = number
  })
}

variable "user_pools" {
  description = "Nodes of the applications, by the pool's name."
  type = map(object({
    vm_size = string
    min     = number
    max     = number
  }))
}

variable "keda_enabled" {
  description = "Whether workloads may scale on events."
  type        = bool
}

variable "vpa_enabled" {
  description = "Whether workloads may have their requests set."
  type        = bool
}

variable "tenant_id" {
  description = "Entra ID tenant of those who sign in."
  type        = string
}

variable "admin_group_object_ids" {
  description = "Entra ID groups that administer the cluster."
  type        = list(string)
}

variable "workspace_id" {
  description = "Workspace that takes logs."
  type        = string
}

variable "metrics_id" {
  description = "Azure Monitor workspace that takes metrics."
  type        = string
}

variable "collection_endpoint_id" {
  description = "Data collection endpoint that agents ask."
  type        = string
}

variable "action_group_id" {
  description = "Who is told by alerts."
  type        = string
}
