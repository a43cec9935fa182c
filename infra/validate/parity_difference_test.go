package validate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/davit-dev/davit/infra/validate/bicep"
)

// A difference is found, whichever language has it, and named.
func TestParityFindsDifferences(t *testing.T) {
	terraform := ofTerraform(t, plan(t, "production"))
	for want, change := range map[string]func(*bicep.Deployment){
		"admin_enabled = properties.adminUserEnabled is false in Terraform": func(d *bicep.Deployment) {
			properties(d, "registry", "registry")["adminUserEnabled"] = true
		},
		"public_network_access_enabled = properties.publicNetworkAccess is false in Terraform": func(d *bicep.Deployment) {
			properties(d, "vault", "vault")["publicNetworkAccess"] = "Enabled"
		},
		"min_tls_version = properties.minimumTlsVersion is TLS1_2 in Terraform": func(d *bicep.Deployment) {
			properties(d, "storage", "account")["minimumTlsVersion"] = "TLS1_0"
		},
		"local_account_disabled = properties.disableLocalAccounts is true in Terraform": func(d *bicep.Deployment) {
			delete(properties(d, "cluster", "cluster"), "disableLocalAccounts")
		},
		"network_profile.0.network_plugin = properties.networkProfile.networkPlugin is azure in Terraform": func(d *bicep.Deployment) {
			properties(d, "cluster", "cluster")["networkProfile"].(map[string]any)["networkPlugin"] = "kubenet"
		},
		"default_node_pool.0.zones = properties.agentPoolProfiles.0.availabilityZones is 1 2 3 in Terraform": func(d *bicep.Deployment) {
			pool := properties(d, "cluster", "cluster")["agentPoolProfiles"].([]any)[0].(map[string]any)
			pool["availabilityZones"] = []any{"1"}
		},
		"rules is": func(d *bicep.Deployment) {
			rule := properties(d, "network", "securityGroups")["securityRules"].([]any)[0].(map[string]any)
			rule["properties"].(map[string]any)["destinationAddressPrefixes"] = []any{"0.0.0.0/0"}
		},
		"Microsoft.Authorization/roleAssignments in davit, AcrPush on registries/crdavitprdweud4v1t for principal of userAssignedIdentities/id-davit-production-weu-deploy is declared by Terraform": func(d *bicep.Deployment) {
			find(d, "davit", "deployPush").Body["properties"].(map[string]any)["principalId"] = find(d, "davit", "davitPull").Body["properties"].(map[string]any)["principalId"]
		},
		"roleAssignments in davit, Key Vault Secrets User on vaults/kvdavitprdweud4v1t for principal of userAssignedIdentities/id-davit-production-weu-davit is declared by Terraform": func(d *bicep.Deployment) {
			find(d, "davit", "davitVault").Scope = find(d, "davit", "davitPull").Scope
		},
		"Microsoft.Insights/diagnosticSettings in vault, of vaults/kvdavitprdweud4v1t is declared by Terraform": func(d *bicep.Deployment) {
			gone := find(d, "vault", "diagnostics")
			d.Resources = slices.DeleteFunc(d.Resources, func(r *bicep.Instance) bool { return r == gone })
		},
		"Microsoft.Network/networkSecurityGroups in network, nsg-davit-production-weu-more is declared by Bicep": func(d *bicep.Deployment) {
			more := *find(d, "network", "securityGroups")
			more.Name = "nsg-davit-production-weu-more"
			d.Resources = append(d.Resources, &more)
		},
		"privateDnsZoneConfigs.*.properties.privateDnsZoneId is privateDnsZones/privatelink.vaultcore.azure.net in Terraform": func(d *bicep.Deployment) {
			zone := properties(d, "vault/endpoint", "records")["privateDnsZoneConfigs"].([]any)[0].(map[string]any)
			zone["properties"] = map[string]any{"privateDnsZoneId": "/subscriptions/s/providers/Microsoft.Network/privateDnsZones/privatelink.azurecr.io"}
		},
		"subnets/networkSecurityGroup in network, subnets/nodes with networkSecurityGroups/nsg-davit-production-weu-nodes is declared by Terraform": func(d *bicep.Deployment) {
			subnets := properties(d, "network", "virtualNetwork")["subnets"].([]any)
			nodes, ingress := object(subnets[0])["properties"].(map[string]any), object(subnets[1])["properties"].(map[string]any)
			nodes["networkSecurityGroup"], ingress["networkSecurityGroup"] = ingress["networkSecurityGroup"], nodes["networkSecurityGroup"]
		},
		"tags is": func(d *bicep.Deployment) { delete(find(d, "redis", "cache").Body["tags"].(map[string]any), "owner") },
	} {
		t.Run(want, func(t *testing.T) {
			d := deployment(t, "production")
			change(d)
			said := compare(terraform, ofBicep(t, d))
			if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, want) }) {
				t.Errorf("nobody said %q:\n%s", want, strings.Join(said, "\n"))
			}
		})
	}
}

// What leads to what, and who may do what, is compared too: each of these goes
// elsewhere in Bicep, and is found.
func TestParityFindsWhatLeadsElsewhere(t *testing.T) {
	const other = "/subscriptions/s/providers/Microsoft.Test/others/other"
	terraform := ofTerraform(t, plan(t, "production"))
	for _, tc := range []struct {
		module, symbol string
		path           []any // in the body
		value          any
		says           string
	}{
		{"davit", "github", at("issuer"), "https://gitlab.com", "issuer = properties.issuer is https://token.actions.githubusercontent.com in Terraform"},
		{"davit", "workload", at("issuer"), "https://gitlab.com", "issuer = properties.issuer is issuer of managedClusters/aks-davit-production-weu in Terraform"},
		{"davit", "github", at("subject"), "repo:davit-dev/davit:*", "subject = properties.subject is repo:davit-dev/davit:environment:production in Terraform"},
		{"davit", "workload", at("audiences"), []any{"api://other"}, "audience = properties.audiences is api://AzureADTokenExchange in Terraform"},
		{"davit", "davitPull", at("principalId"), "somebody", "AcrPull on registries/crdavitprdweud4v1t for somebody is declared by Bicep"},
		{"davit", "davitPull", at("principalType"), "User", "principal_type = properties.principalType is ServicePrincipal in Terraform"},
		{"davit", "server", at("authConfig", "tenantId"), nobody, "authentication.0.tenant_id = properties.authConfig.tenantId is " + bicep.Tenant + " in Terraform"},
		{"davit", "server", at("authConfig", "passwordAuth"), "Enabled", "authentication.0.password_auth_enabled = properties.authConfig.passwordAuth is false in Terraform"},
		{"davit", "server", at("authConfig", "activeDirectoryAuth"), "Disabled", "active_directory_auth_enabled = properties.authConfig.activeDirectoryAuth is true in Terraform"},
		{"davit", "admin", at("tenantId"), nobody, "tenant_id = properties.tenantId is " + bicep.Tenant + " in Terraform"},
		{"davit", "diagnostics", at("workspaceId"), other, "log_analytics_workspace_id = properties.workspaceId is workspaces/log-davit-production-weu in Terraform"},
		{"cluster", "diagnostics", at("logAnalyticsDestinationType"), nil, "log_analytics_destination_type = properties.logAnalyticsDestinationType is Dedicated in Terraform"},
		{"vault/endpoint", "endpoint", at("privateLinkServiceConnections", 0.0, "properties", "privateLinkServiceId"), other, "privateLinkServiceId is vaults/kvdavitprdweud4v1t in Terraform"},
		{"vault/endpoint", "endpoint", at("privateLinkServiceConnections", 0.0, "properties", "groupIds"), []any{"vaults"}, "groupIds is vault in Terraform"},
		{"vault/endpoint", "endpoint", at("subnet", "id"), other, "subnet_id = properties.subnet.id is subnets/endpoints in Terraform"},
		{"monitoring/metricsEndpoint", "endpoint", at("privateLinkServiceConnections", 0.0, "properties", "privateLinkServiceId"), other, "privateLinkServiceId is accounts/amw-davit-production-weu in Terraform"},
		{"vault", "expiryAlert", at("actions"), []any{}, "action.*.action_group_id = properties.actions.*.actionGroupId is actionGroups/ag-davit-production-weu in Terraform"},
		{"vault", "expiryAlert", at("scopes"), []any{other}, "scopes = properties.scopes is systemTopics/evgt-davit-production-weu-vault in Terraform"},
		{"cluster", "alerts", at("rules", 0.0, "actions"), []any{}, "rule = properties.rules is "},
		{"cluster", "alerts", at("scopes"), []any{other}, "scopes = properties.scopes is accounts/amw-davit-production-weu in Terraform"},
		{"monitoring", "budget", at("notifications", "actual80", "contactGroups"), []any{}, "notifications is Actual GreaterThan 100 to actionGroups/ag-davit-production-weu"},
		{"cluster", "containers", at("destinations", "logAnalytics", 0.0, "workspaceResourceId"), other, "workspaceResourceId is workspaces/log-davit-production-weu in Terraform"},
		{"cluster", "prometheus", at("destinations", "monitoringAccounts", 0.0, "accountResourceId"), other, "accountResourceId is accounts/amw-davit-production-weu in Terraform"},
		{"cluster", "prometheus", at("dataCollectionEndpointId"), other, "dataCollectionEndpointId is dataCollectionEndpoints/dce-davit-production-weu in Terraform"},
		{"cluster", "containersAssociation", at("dataCollectionRuleId"), other, "dataCollectionRuleId is dataCollectionRules/dcr-davit-production-weu-containers in Terraform"},
		{"redis", "database", at("port"), int64(6380), "port is 10000 in Terraform"},
		{"redis", "database", at("clientProtocol"), "Plaintext", "client_protocol = databases/default.properties.clientProtocol is Encrypted in Terraform"},
		{"redis", "database", at("accessKeysAuthentication"), "Enabled", "access_keys_authentication_enabled = databases/default.properties.accessKeysAuthentication is false in Terraform"},
		{"redis", "cache", at("minimumTlsVersion"), "1.0", "the oldest TLS is 1.2 in Terraform"},
		{"redis", "access", at("user", "objectId"), "somebody", "accessPolicyAssignments in redis, for somebody is declared by Bicep"},
		{"vault", "vault", at("enabledForDeployment"), true, "enabled_for_deployment = properties.enabledForDeployment is false in Terraform"},
		{"vault", "vault", at("enabledForDiskEncryption"), true, "enabled_for_disk_encryption = properties.enabledForDiskEncryption is false in Terraform"},
		{"vault", "vault", at("enabledForTemplateDeployment"), true, "enabled_for_template_deployment = properties.enabledForTemplateDeployment is false in Terraform"},
		{"vault", "vault", at("enableSoftDelete"), false, "soft delete is true in Terraform"},
		{"vault", "vault", at("tenantId"), nobody, "tenant_id = properties.tenantId is " + bicep.Tenant + " in Terraform"},
		{"vault", "events", at("source"), other, "source_resource_id = properties.source is vaults/kvdavitprdweud4v1t in Terraform"},
		{"network", "zoneLinks", at("virtualNetwork", "id"), other, "virtual_network_id = properties.virtualNetwork.id is virtualNetworks/vnet-davit-production-weu in Terraform"},
		{"network", "virtualNetwork", at("subnets", 0.0, "properties", "natGateway", "id"), other, "subnets/natGateway in network, subnets/nodes by others/other is declared by Bicep"},
		{"cluster", "cluster", at("agentPoolProfiles", 0.0, "vnetSubnetID"), other, "default_node_pool.0.vnet_subnet_id = properties.agentPoolProfiles.0.vnetSubnetID is subnets/nodes in Terraform"},
		{"cluster", "cluster", at("identityProfile", "kubeletidentity", "objectId"), "somebody", "kubeletidentity.objectId is principal of userAssignedIdentities/id-davit-production-weu-kubelet in Terraform"},
		{"cluster", "cluster", at("apiServerAccessProfile", "privateDNSZone"), other, "privateDNSZone is privateDnsZones/privatelink.westeurope.azmk8s.io in Terraform"},
		{"monitoring", "grafana", at("grafanaIntegrations"), nil, "azureMonitorWorkspaceResourceId is accounts/amw-davit-production-weu in Terraform"},
		{"monitoring", "scopedCollection", at("linkedResourceId"), other, "linked_resource_id = properties.linkedResourceId is dataCollectionEndpoints/dce-davit-production-weu in Terraform"},
	} {
		t.Run(fmt.Sprint(tc.module, ".", tc.symbol, " ", tc.path[1:]), func(t *testing.T) {
			t.Parallel()
			d := deployment(t, "production")
			set(t, find(d, tc.module, tc.symbol).Body, tc.path, tc.value)
			said := strings.Join(compare(terraform, ofBicep(t, d)), "\n")
			if !strings.Contains(said, tc.says) {
				t.Errorf("nobody said %q:\n%s", tc.says, said)
			}
		})
	}
}

// at is a path below properties.
func at(path ...any) []any { return append([]any{"properties"}, path...) }
