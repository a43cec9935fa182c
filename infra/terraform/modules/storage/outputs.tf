output "id" {
  description = "The account."
  value       = azurerm_storage_account.this.id
}

output "name" {
  description = "Its name."
  value       = azurerm_storage_account.this.name
}

output "receipts_container_id" {
  description = "Container of receipts."
  value       = azurerm_storage_container.receipts.id
}

output "queue_name" {
  description = "Queue for the vault's events."
  value       = azurerm_storage_queue.queue.name
}
