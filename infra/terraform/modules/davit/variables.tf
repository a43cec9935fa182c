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

variable "environment" {
  description = "staging or production: the environment of the workflows that deploy."
  type        = string
}

variable "tenant_id" {
  description = "Entra ID tenant of those who sign in to the database."
  type        = string
}

variable "identity_ids" {
  description = "Identities by name: davit and deploy."
  type        = map(string)
}

variable "principal_ids" {
  description = "Their object ids."
  type        = map(string)
}

variable "oidc_issuer_url" {
  description = "Who vouches for the cluster's service accounts."
  type        = string
}

variable "namespace" {
  description = "Namespace in which Davit runs."
  type        = string
}

variable "github_repository" {
  description = "Repository whose workflows deploy."
  type        = string
}

variable "cluster_id" {
  description = "The cluster, which workflows may find."
  type        = string
}

variable "registry_id" {
  description = "The registry, which Davit reads and workflows push to."
  type        = string
}

variable "vault_id" {
  description = "The vault, whose secrets Davit reads."
  type        = string
}

variable "receipts_container_id" {
  description = "The container that Davit writes receipts to."
  type        = string
}

variable "metrics_id" {
  description = "The Azure Monitor workspace, which Davit's gates ask."
  type        = string
}

variable "database" {
  description = "Size and safety of PostgreSQL."
  type = object({
    sku               = string
    storage_mb        = number
    high_availability = bool
    backup_days       = number
    geo_backup        = bool
  })
}

variable "database_admin_group" {
  description = "Entra ID group that administers PostgreSQL."
  type = object({
    object_id = string
    name      = string
  })
}
