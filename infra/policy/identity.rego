# Entra ID says who somebody is; keys, passwords and local accounts do not.
package infra

required contains {"type": "azurerm_container_registry", "path": ["admin_enabled"], "want": [false], "says": "the admin user is on"}

required contains {"type": "azurerm_storage_account", "path": ["shared_access_key_enabled"], "want": [false], "says": "shared keys are on"}

required contains {"type": "azurerm_storage_account", "path": ["local_user_enabled"], "want": [false], "says": "local users are on"}

required contains {"type": "azurerm_managed_redis", "path": ["default_database", 0, "access_keys_authentication_enabled"], "want": [false], "says": "access keys are on"}

required contains {"type": "azurerm_postgresql_flexible_server", "path": ["authentication", 0, "password_auth_enabled"], "want": [false], "says": "passwords are on"}

required contains {"type": "azurerm_postgresql_flexible_server", "path": ["authentication", 0, "active_directory_auth_enabled"], "want": [true], "says": "Entra ID is off"}

required contains {"type": "azurerm_log_analytics_workspace", "path": ["local_authentication_enabled"], "want": [false], "says": "shared keys are on"}

required contains {"type": "azurerm_dashboard_grafana", "path": ["api_key_enabled"], "want": [false], "says": "API keys are on"}

required contains {"type": "azurerm_dashboard_grafana", "path": ["identity", 0, "type"], "want": ["SystemAssigned"], "says": "it has no managed identity"}

required contains {"type": "azurerm_eventgrid_system_topic", "path": ["identity", 0, "type"], "want": ["SystemAssigned"], "says": "it has no managed identity"}

required contains {"type": "azurerm_key_vault", "path": ["rbac_authorization_enabled"], "want": [true], "says": "access policies decide instead of roles"}

required contains {"type": "azurerm_key_vault", "path": ["purge_protection_enabled"], "want": [true], "says": "purge protection is off"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["local_account_disabled"], "want": [true], "says": "local accounts are on"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["run_command_enabled"], "want": [false], "says": "commands run through ARM"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["role_based_access_control_enabled"], "want": [true], "says": "RBAC is off"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["azure_active_directory_role_based_access_control", 0, "azure_rbac_enabled"], "want": [true], "says": "Azure RBAC is off"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["workload_identity_enabled"], "want": [true], "says": "workload identity is off"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["oidc_issuer_enabled"], "want": [true], "says": "the OIDC issuer is off"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["identity", 0, "type"], "want": ["UserAssigned"], "says": "the control plane has no identity of its own"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["oms_agent", 0, "msi_auth_for_monitoring_enabled"], "want": [true], "says": "Container Insights signs in with a key"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["key_vault_secrets_provider", 0, "secret_rotation_enabled"], "want": [true], "says": "secrets are not rotated"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["azure_policy_enabled"], "want": [true], "says": "Azure Policy is off"}

deny contains violation("identity", r, "Defender is off (there is no microsoft_defender)") if {
	some r in resources
	r.type == "azurerm_kubernetes_cluster"
	count(object.get(r.change.after, "microsoft_defender", [])) == 0
}

# A token of any other branch, repository or account opens nothing.
deny contains violation("identity", r, sprintf("the credential's subject %q is not one workload or one environment of a repository", [r.change.after.subject])) if {
	some r in resources
	r.type == "azurerm_federated_identity_credential"
	not regex.match(`^(repo:[^*/:]+/[^*/:]+:environment:[^*:]+|system:serviceaccount:[^*:]+:[^*:]+)$`, r.change.after.subject)
}

# Whose tokens are believed: GitHub's of workflows, the cluster's of its accounts.
github := "https://token.actions.githubusercontent.com"

deny contains violation("identity", r, sprintf("the credential's issuer %q is neither GitHub nor the cluster", [issuer])) if {
	some r in resources
	r.type == "azurerm_federated_identity_credential"
	issuer := object.get(r.change.after, "issuer", "of somebody else")
	startswith(object.get(r.change.after, "subject", ""), "repo:")
	issuer != github
}

deny contains violation("identity", r, sprintf("the credential's issuer %q is not the cluster", [issuer])) if {
	some r in resources
	r.type == "azurerm_federated_identity_credential"
	issuer := object.get(r.change.after, "issuer", "of somebody else")
	not startswith(object.get(r.change.after, "subject", ""), "repo:")
	not cluster_issues(r)
}

# Before there is a cluster its issuer is not known: what the credential names is.
cluster_issues(r) if {
	some cluster in resources
	cluster.type == "azurerm_kubernetes_cluster"
	is_string(r.change.after.issuer)
	cluster.change.after.oidc_issuer_url == r.change.after.issuer
}

cluster_issues(r) if {
	not is_string(object.get(r.change.after, "issuer", null))
	some m in [modules[trim_prefix(object.get(r, "module_address", ""), "module.")]]
	some said in m.resources
	said.type == r.type
	said.name == r.name
	start := {[trim_prefix(object.get(r, "module_address", ""), "module."), ref] | some ref in said.expressions.issuer.references}
	some node in start | named(start)
	startswith(node[1], "azurerm_kubernetes_cluster.")
	endswith(node[1], ".oidc_issuer_url")
}
