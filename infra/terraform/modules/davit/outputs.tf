output "database_fqdn" {
  description = "PostgreSQL's name in the network. The database is davit."
  value       = azurerm_postgresql_flexible_server.this.fqdn
}
