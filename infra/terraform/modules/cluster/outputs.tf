output "id" {
  description = "The cluster."
  value       = azurerm_kubernetes_cluster.this.id
}

output "name" {
  description = "Its name."
  value       = azurerm_kubernetes_cluster.this.name
}

output "oidc_issuer_url" {
  description = "Who vouches for service accounts."
  value       = azurerm_kubernetes_cluster.this.oidc_issuer_url
}
