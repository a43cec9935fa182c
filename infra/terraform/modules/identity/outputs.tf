output "ids" {
  description = "Resource ids by identity. They are given out when the control plane has its roles: a cluster that is made before fails."
  value       = { for name, i in azurerm_user_assigned_identity.this : name => i.id }
  depends_on = [
    azurerm_role_assignment.cluster_network,
    azurerm_role_assignment.cluster_zone,
    azurerm_role_assignment.cluster_kubelet,
  ]
}

output "principal_ids" {
  description = "Object ids in Entra ID, by identity."
  value       = { for name, i in azurerm_user_assigned_identity.this : name => i.principal_id }
}

output "client_ids" {
  description = "Client ids, by identity."
  value       = { for name, i in azurerm_user_assigned_identity.this : name => i.client_id }
}
