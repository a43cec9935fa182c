# Who acts: the cluster's control plane, its kubelets, Davit, and the pipeline
# that deploys. None of them has a secret.
resource "azurerm_user_assigned_identity" "this" {
  for_each = toset(["cluster", "kubelet", "davit", "deploy"])

  name                = "id-${var.site.name}-${each.key}"
  resource_group_name = var.site.resource_group
  location            = var.site.location
  tags                = var.site.tags
}

# The control plane joins nodes and load balancers to subnets, and its private
# zone to the network.
resource "azurerm_role_assignment" "cluster_network" {
  scope                = var.virtual_network_id
  role_definition_name = "Network Contributor"
  principal_id         = azurerm_user_assigned_identity.this["cluster"].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "cluster_zone" {
  scope                = var.cluster_zone_id
  role_definition_name = "Private DNS Zone Contributor"
  principal_id         = azurerm_user_assigned_identity.this["cluster"].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "cluster_kubelet" {
  scope                = azurerm_user_assigned_identity.this["kubelet"].id
  role_definition_name = "Managed Identity Operator"
  principal_id         = azurerm_user_assigned_identity.this["cluster"].principal_id
  principal_type       = "ServicePrincipal"
}
