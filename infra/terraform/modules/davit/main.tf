# Davit's pods sign in as its identity, workflows of the repository as the
# deployer. Both by tokens that live for minutes; there is no secret to steal.
resource "azurerm_federated_identity_credential" "workload" {
  name                      = "kubernetes"
  user_assigned_identity_id = var.identity_ids["davit"]
  issuer                    = var.oidc_issuer_url
  subject                   = "system:serviceaccount:${var.namespace}:davit"
  audience                  = ["api://AzureADTokenExchange"]
}

resource "azurerm_federated_identity_credential" "github" {
  name                      = "github"
  user_assigned_identity_id = var.identity_ids["deploy"]
  issuer                    = "https://token.actions.githubusercontent.com"
  subject                   = "repo:${var.github_repository}:environment:${var.environment}"
  audience                  = ["api://AzureADTokenExchange"]
}

resource "azurerm_role_assignment" "davit_roles" {
  for_each = {
    metrics  = { scope = var.metrics_id, role = "Monitoring Data Reader" }
    pull     = { scope = var.registry_id, role = "AcrPull" }
    receipts = { scope = var.receipts_container_id, role = "Storage Blob Data Contributor" }
    secrets  = { scope = var.vault_id, role = "Key Vault Secrets User" }
  }

  scope                = each.value.scope
  role_definition_name = each.value.role
  principal_id         = var.principal_ids["davit"]
  principal_type       = "ServicePrincipal"
}

# What a workflow may do inside of the cluster is said there:
# infra/kubernetes/davit/deployer.yaml.
resource "azurerm_role_assignment" "deploy_roles" {
  for_each = {
    cluster = { scope = var.cluster_id, role = "Azure Kubernetes Service Cluster User Role" }
    push    = { scope = var.registry_id, role = "AcrPush" }
  }

  scope                = each.value.scope
  role_definition_name = each.value.role
  principal_id         = var.principal_ids["deploy"]
  principal_type       = "ServicePrincipal"
}
