output "id" {
  description = "The vault."
  value       = azurerm_key_vault.this.id
}

output "uri" {
  description = "Its address, in the network."
  value       = azurerm_key_vault.this.vault_uri
}
