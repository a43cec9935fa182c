output "id" {
  description = "The registry."
  value       = azurerm_container_registry.this.id
}

output "login_server" {
  description = "Where images are pushed to and pulled from, in the network."
  value       = azurerm_container_registry.this.login_server
}
