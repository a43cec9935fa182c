# What the next step needs to know. None of it is a secret.
output "resource_group" {
  description = "Where all of it is."
  value       = azurerm_resource_group.this.name
}

output "cluster_name" {
  description = "For az aks get-credentials."
  value       = module.cluster.name
}

output "oidc_issuer_url" {
  description = "Who vouches for the cluster's service accounts."
  value       = module.cluster.oidc_issuer_url
}

output "registry_login_server" {
  description = "Where images go."
  value       = module.registry.login_server
}

output "vault_uri" {
  description = "Where secrets go."
  value       = module.vault.uri
}

output "redis_hostname" {
  description = "The cache. The port is 10000."
  value       = module.redis.hostname
}

output "storage_account" {
  description = "Where receipts go, in the container receipts."
  value       = module.storage.name
}

output "database_fqdn" {
  description = "PostgreSQL. The database is davit."
  value       = module.davit.database_fqdn
}

output "grafana_endpoint" {
  description = "Dashboards."
  value       = module.monitoring.grafana_endpoint
}

output "prometheus_query_endpoint" {
  description = "Metrics, for kubernetes.prometheus in davit.yaml."
  value       = module.monitoring.prometheus_query_endpoint
}

output "davit_client_id" {
  description = "For the annotation of Davit's service account."
  value       = module.identity.client_ids["davit"]
}

output "deploy_client_id" {
  description = "For azure/login in workflows."
  value       = module.identity.client_ids["deploy"]
}

output "deploy_principal_id" {
  description = "For the role binding in the cluster."
  value       = module.identity.principal_ids["deploy"]
}
