package arm

import (
	"reflect"

	"github.com/hashicorp/go-azure-sdk/resource-manager/alertsmanagement/2023-03-01/prometheusrulegroupresources"
	"github.com/hashicorp/go-azure-sdk/resource-manager/authorization/2022-04-01/roleassignments"
	"github.com/hashicorp/go-azure-sdk/resource-manager/consumption/2024-08-01/budgets"
	"github.com/hashicorp/go-azure-sdk/resource-manager/containerregistry/2025-04-01/registries"
	"github.com/hashicorp/go-azure-sdk/resource-manager/containerservice/2025-07-01/agentpools"
	"github.com/hashicorp/go-azure-sdk/resource-manager/containerservice/2025-07-01/maintenanceconfigurations"
	"github.com/hashicorp/go-azure-sdk/resource-manager/containerservice/2025-07-01/managedclusters"
	"github.com/hashicorp/go-azure-sdk/resource-manager/dashboard/2024-10-01/grafanaresource"
	"github.com/hashicorp/go-azure-sdk/resource-manager/dashboard/2024-10-01/managedprivateendpoints"
	"github.com/hashicorp/go-azure-sdk/resource-manager/eventgrid/2025-02-15/eventsubscriptions"
	"github.com/hashicorp/go-azure-sdk/resource-manager/eventgrid/2025-02-15/systemtopics"
	"github.com/hashicorp/go-azure-sdk/resource-manager/insights/2018-03-01/metricalerts"
	"github.com/hashicorp/go-azure-sdk/resource-manager/insights/2021-05-01-preview/diagnosticsettings"
	"github.com/hashicorp/go-azure-sdk/resource-manager/insights/2021-07-01-preview/privatelinkscopedresources"
	"github.com/hashicorp/go-azure-sdk/resource-manager/insights/2021-07-01-preview/privatelinkscopesapis"
	"github.com/hashicorp/go-azure-sdk/resource-manager/insights/2023-01-01/actiongroupsapis"
	"github.com/hashicorp/go-azure-sdk/resource-manager/insights/2023-03-11/datacollectionendpoints"
	"github.com/hashicorp/go-azure-sdk/resource-manager/insights/2023-03-11/datacollectionruleassociations"
	"github.com/hashicorp/go-azure-sdk/resource-manager/insights/2023-03-11/datacollectionrules"
	"github.com/hashicorp/go-azure-sdk/resource-manager/keyvault/2024-11-01/vaults"
	"github.com/hashicorp/go-azure-sdk/resource-manager/managedidentity/2023-01-31/managedidentities"
	"github.com/hashicorp/go-azure-sdk/resource-manager/monitor/2023-04-03/azuremonitorworkspaces"
	"github.com/hashicorp/go-azure-sdk/resource-manager/network/2024-07-01/natgateways"
	"github.com/hashicorp/go-azure-sdk/resource-manager/network/2024-07-01/networksecuritygroups"
	"github.com/hashicorp/go-azure-sdk/resource-manager/network/2024-07-01/privatednszonegroups"
	"github.com/hashicorp/go-azure-sdk/resource-manager/network/2024-07-01/privateendpoints"
	"github.com/hashicorp/go-azure-sdk/resource-manager/network/2024-07-01/publicipaddresses"
	"github.com/hashicorp/go-azure-sdk/resource-manager/network/2024-07-01/virtualnetworks"
	"github.com/hashicorp/go-azure-sdk/resource-manager/operationalinsights/2023-09-01/tables"
	"github.com/hashicorp/go-azure-sdk/resource-manager/operationalinsights/2023-09-01/workspaces"
	"github.com/hashicorp/go-azure-sdk/resource-manager/postgresql/2025-08-01/administratormicrosoftentras"
	"github.com/hashicorp/go-azure-sdk/resource-manager/postgresql/2025-08-01/configurations"
	flexibledatabases "github.com/hashicorp/go-azure-sdk/resource-manager/postgresql/2025-08-01/databases"
	"github.com/hashicorp/go-azure-sdk/resource-manager/postgresql/2025-08-01/servers"
	"github.com/hashicorp/go-azure-sdk/resource-manager/privatedns/2024-06-01/privatezones"
	"github.com/hashicorp/go-azure-sdk/resource-manager/privatedns/2024-06-01/virtualnetworklinks"
	"github.com/hashicorp/go-azure-sdk/resource-manager/redisenterprise/2025-07-01/databases"
	"github.com/hashicorp/go-azure-sdk/resource-manager/redisenterprise/2025-07-01/redisenterprise"
	"github.com/hashicorp/go-azure-sdk/resource-manager/resources/2020-05-01/managementlocks"
	"github.com/hashicorp/go-azure-sdk/resource-manager/resources/2024-03-01/resourcegroups"
	"github.com/hashicorp/go-azure-sdk/resource-manager/storage/2025-01-01/blobcontainers"
	"github.com/hashicorp/go-azure-sdk/resource-manager/storage/2025-01-01/blobservice"
	"github.com/hashicorp/go-azure-sdk/resource-manager/storage/2025-01-01/managementpolicies"
	"github.com/hashicorp/go-azure-sdk/resource-manager/storage/2025-01-01/queueservice"
	"github.com/hashicorp/go-azure-sdk/resource-manager/storage/2025-01-01/queueserviceproperties"
	"github.com/hashicorp/go-azure-sdk/resource-manager/storage/2025-01-01/storageaccounts"
)

// models are what the operation that makes a resource takes, by type and version.
var models = map[string]any{
	"Microsoft.AlertsManagement/prometheusRuleGroups@2023-03-01":                               prometheusrulegroupresources.PrometheusRuleGroupResource{},
	"Microsoft.Authorization/locks@2020-05-01":                                                 managementlocks.ManagementLockObject{},
	"Microsoft.Authorization/roleAssignments@2022-04-01":                                       roleassignments.RoleAssignmentCreateParameters{},
	"Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments@2025-07-01":             redisenterprise.AccessPolicyAssignment{},
	"Microsoft.Cache/redisEnterprise/databases@2025-07-01":                                     databases.Database{},
	"Microsoft.Cache/redisEnterprise@2025-07-01":                                               redisenterprise.Cluster{},
	"Microsoft.Consumption/budgets@2024-08-01":                                                 budgets.Budget{},
	"Microsoft.ContainerRegistry/registries@2025-04-01":                                        registries.Registry{},
	"Microsoft.ContainerService/managedClusters/agentPools@2025-07-01":                         agentpools.AgentPool{},
	"Microsoft.ContainerService/managedClusters/maintenanceConfigurations@2025-07-01":          maintenanceconfigurations.MaintenanceConfiguration{},
	"Microsoft.ContainerService/managedClusters@2025-07-01":                                    managedclusters.ManagedCluster{},
	"Microsoft.Dashboard/grafana/managedPrivateEndpoints@2024-10-01":                           managedprivateendpoints.ManagedPrivateEndpointModel{},
	"Microsoft.Dashboard/grafana@2024-10-01":                                                   grafanaresource.ManagedGrafana{},
	"Microsoft.DBforPostgreSQL/flexibleServers/administrators@2025-08-01":                      administratormicrosoftentras.AdministratorMicrosoftEntraAdd{},
	"Microsoft.DBforPostgreSQL/flexibleServers/configurations@2025-08-01":                      configurations.ConfigurationForUpdate{},
	"Microsoft.DBforPostgreSQL/flexibleServers/databases@2025-08-01":                           flexibledatabases.Database{},
	"Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01":                                     servers.Server{},
	"Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15":                           eventsubscriptions.EventSubscription{},
	"Microsoft.EventGrid/systemTopics@2025-02-15":                                              systemtopics.SystemTopic{},
	"Microsoft.Insights/actionGroups@2023-01-01":                                               actiongroupsapis.ActionGroupResource{},
	"Microsoft.Insights/dataCollectionEndpoints@2023-03-11":                                    datacollectionendpoints.DataCollectionEndpointResource{},
	"Microsoft.Insights/dataCollectionRuleAssociations@2023-03-11":                             datacollectionruleassociations.DataCollectionRuleAssociationProxyOnlyResource{},
	"Microsoft.Insights/dataCollectionRules@2023-03-11":                                        datacollectionrules.DataCollectionRuleResource{},
	"Microsoft.Insights/diagnosticSettings@2021-05-01-preview":                                 diagnosticsettings.DiagnosticSettingsResource{},
	"Microsoft.Insights/metricAlerts@2018-03-01":                                               metricalerts.MetricAlertResource{},
	"Microsoft.Insights/privateLinkScopes/scopedResources@2021-07-01-preview":                  privatelinkscopedresources.ScopedResource{},
	"Microsoft.Insights/privateLinkScopes@2021-07-01-preview":                                  privatelinkscopesapis.AzureMonitorPrivateLinkScope{},
	"Microsoft.KeyVault/vaults@2024-11-01":                                                     vaults.VaultCreateOrUpdateParameters{},
	"Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31": managedidentities.FederatedIdentityCredential{},
	"Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31":                              managedidentities.Identity{},
	"Microsoft.Monitor/accounts@2023-04-03":                                                    azuremonitorworkspaces.AzureMonitorWorkspaceResource{},
	"Microsoft.Network/natGateways@2024-07-01":                                                 natgateways.NatGateway{},
	"Microsoft.Network/networkSecurityGroups@2024-07-01":                                       networksecuritygroups.NetworkSecurityGroup{},
	"Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01":                         virtualnetworklinks.VirtualNetworkLink{},
	"Microsoft.Network/privateDnsZones@2024-06-01":                                             privatezones.PrivateZone{},
	"Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-07-01":                       privatednszonegroups.PrivateDnsZoneGroup{},
	"Microsoft.Network/privateEndpoints@2024-07-01":                                            privateendpoints.PrivateEndpoint{},
	"Microsoft.Network/publicIPAddresses@2024-07-01":                                           publicipaddresses.PublicIPAddress{},
	"Microsoft.Network/virtualNetworks@2024-07-01":                                             virtualnetworks.VirtualNetwork{},
	"Microsoft.OperationalInsights/workspaces/tables@2023-09-01":                               tables.Table{},
	"Microsoft.OperationalInsights/workspaces@2023-09-01":                                      workspaces.Workspace{},
	"Microsoft.Resources/resourceGroups@2024-03-01":                                            resourcegroups.ResourceGroup{},
	"Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01":                     blobcontainers.BlobContainer{},
	"Microsoft.Storage/storageAccounts/blobServices@2025-01-01":                                blobservice.BlobServiceProperties{},
	"Microsoft.Storage/storageAccounts/managementPolicies@2025-01-01":                          managementpolicies.ManagementPolicy{},
	"Microsoft.Storage/storageAccounts/queueServices/queues@2025-01-01":                        queueservice.StorageQueue{},
	"Microsoft.Storage/storageAccounts/queueServices@2025-01-01":                               queueserviceproperties.QueueServiceProperties{},
	"Microsoft.Storage/storageAccounts@2025-01-01":                                             storageaccounts.StorageAccountCreateParameters{},
}

// open are values of which Azure knows more than its specification lists: the
// streams of Container Insights and of Prometheus.
var open = map[reflect.Type]bool{
	reflect.TypeFor[datacollectionrules.KnownDataFlowStreams]():            true,
	reflect.TypeFor[datacollectionrules.KnownExtensionDataSourceStreams](): true,
}

// kinds read what is one of several kinds, told apart by a property of it.
var kinds = map[reflect.Type]func([]byte) (any, error){
	reflect.TypeFor[eventsubscriptions.EventSubscriptionDestination](): kind(eventsubscriptions.UnmarshalEventSubscriptionDestinationImplementation),
	reflect.TypeFor[metricalerts.MetricAlertCriteria]():                kind(metricalerts.UnmarshalMetricAlertCriteriaImplementation),
	reflect.TypeFor[metricalerts.MultiMetricCriteria]():                kind(metricalerts.UnmarshalMultiMetricCriteriaImplementation),
}

func kind[T any](read func([]byte) (T, error)) func([]byte) (any, error) {
	return func(data []byte) (any, error) { return read(data) }
}
