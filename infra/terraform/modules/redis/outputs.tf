output "id" {
  description = "The cache."
  value       = azurerm_managed_redis.this.id
}

output "hostname" {
  description = "Its name in the network. The port is 10000."
  value       = azurerm_managed_redis.this.hostname
}
