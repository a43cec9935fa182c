// Where logs and metrics go, who is told, and Grafana over them. All of it is
// reached from the network alone.
import { roles, siteType } from '../shared.bicep'

@description('What all resources of an environment share.')
param site siteType

@description('Subnet of private endpoints.')
param subnetId string

@description('Private DNS zones by service.')
param zoneIds { *: string }

@description('Name of the network, for its diagnostics.')
param networkName string

@description('Name of the address that traffic leaves from, for its diagnostics.')
param egressAddressName string

@description('Name of the NAT gateway, for its diagnostics.')
param natGatewayName string

@description('Names of the security groups, for their diagnostics.')
param securityGroupNames string[]

@description('How long logs are kept, in days.')
param logRetentionDays int

@description('What a day\'s logs may come to, in GB.')
param logDailyQuotaGb int

@description('Entra ID groups that administer Grafana.')
param adminGroupObjectIds string[]

@description('Who is told by alerts.')
param alertEmails string[]

@description('What a month may cost before somebody is told, in the subscription\'s currency.')
param budgetAmount int

@description('First month of the budget.')
param budgetStart string

var allLogs = [
  {
    categoryGroup: 'allLogs'
    enabled: true
  }
]
var allMetrics = [
  {
    category: 'AllMetrics'
    enabled: true
  }
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: 'log-${site.name}'
  location: site.location
  tags: site.tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: logRetentionDays
    workspaceCapping: { dailyQuotaGb: logDailyQuotaGb }
    publicNetworkAccessForIngestion: 'Disabled'
    publicNetworkAccessForQuery: 'Disabled'
    features: { disableLocalAuth: true }
  }
}

// Container logs are the bulk: the Basic plan takes them for a quarter of the
// price, searchable for 30 days, and keeps them as long as the others.
resource table 'Microsoft.OperationalInsights/workspaces/tables@2023-09-01' = {
  parent: workspace
  name: 'ContainerLogV2'
  properties: {
    plan: 'Basic'
    totalRetentionInDays: logRetentionDays
  }
}

resource metrics 'Microsoft.Monitor/accounts@2023-04-03' = {
  name: 'amw-${site.name}'
  location: site.location
  tags: site.tags
  properties: { publicNetworkAccess: 'Disabled' }
}

resource keepLogs 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: workspace
  name: 'keep'
  properties: {
    level: 'CanNotDelete'
    notes: 'Logs and audit.'
  }
}

resource keepMetrics 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: metrics
  name: 'keep'
  properties: {
    level: 'CanNotDelete'
    notes: 'Metrics that gates and alerts look back at.'
  }
}

resource collection 'Microsoft.Insights/dataCollectionEndpoints@2023-03-11' = {
  name: 'dce-${site.name}'
  location: site.location
  tags: site.tags
  kind: 'Linux'
  properties: {
    networkAcls: { publicNetworkAccess: 'Disabled' }
  }
}

resource grafana 'Microsoft.Dashboard/grafana@2024-10-01' = {
  name: 'amg${site.compact}'
  location: site.location
  tags: site.tags
  sku: { name: 'Standard' }
  identity: { type: 'SystemAssigned' }
  properties: {
    grafanaMajorVersion: '12'
    apiKey: 'Disabled'
    publicNetworkAccess: 'Disabled'
    deterministicOutboundIP: 'Disabled'
    zoneRedundancy: 'Enabled'
    grafanaIntegrations: {
      azureMonitorWorkspaceIntegrations: [
        {
          azureMonitorWorkspaceResourceId: metrics.id
        }
      ]
    }
  }
}

resource grafanaReader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: metrics
  name: guid(metrics.id, grafana.id, roles.metricsReader)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.metricsReader)
    principalId: grafana.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource grafanaAdmin 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for group in adminGroupObjectIds: {
  scope: grafana
  name: guid(grafana.id, group, roles.grafanaAdmin)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.grafanaAdmin)
    principalId: group
    principalType: 'Group'
  }
}]

// Azure Monitor by private link: the workspace and the collection endpoint are
// one scope, metrics and Grafana have endpoints of their own.
resource privateScope 'Microsoft.Insights/privateLinkScopes@2021-07-01-preview' = {
  name: 'ampls-${site.name}'
  location: 'global'
  tags: site.tags
  properties: {
    accessModeSettings: {
      ingestionAccessMode: 'PrivateOnly'
      queryAccessMode: 'PrivateOnly'
    }
  }
}

resource scopedWorkspace 'Microsoft.Insights/privateLinkScopes/scopedResources@2021-07-01-preview' = {
  parent: privateScope
  name: 'workspace'
  properties: { linkedResourceId: workspace.id }
}

resource scopedCollection 'Microsoft.Insights/privateLinkScopes/scopedResources@2021-07-01-preview' = {
  parent: privateScope
  name: 'collection'
  properties: { linkedResourceId: collection.id }
  // One at a time, or the scope refuses the second.
  dependsOn: [scopedWorkspace]
}

module monitorEndpoint 'endpoint.bicep' = {
  name: 'monitor-endpoint'
  params: {
    site: site
    service: 'monitor'
    targetId: privateScope.id
    group: 'azuremonitor'
    subnetId: subnetId
    zoneIds: [
      zoneIds.monitor
      zoneIds.oms
      zoneIds.ods
      zoneIds.agentsvc
      zoneIds.blob
    ]
  }
  // The endpoint takes the addresses of what is in the scope when it is made.
  dependsOn: [scopedCollection]
}

module metricsEndpoint 'endpoint.bicep' = {
  name: 'metrics-endpoint'
  params: {
    site: site
    service: 'metrics'
    targetId: metrics.id
    group: 'prometheusMetrics'
    subnetId: subnetId
    zoneIds: [zoneIds.prometheus]
  }
}

module grafanaEndpoint 'endpoint.bicep' = {
  name: 'grafana-endpoint'
  params: {
    site: site
    service: 'grafana'
    targetId: grafana.id
    group: 'grafana'
    subnetId: subnetId
    zoneIds: [zoneIds.grafana]
  }
}

// Grafana asks for metrics through an endpoint of its own, which waits until
// somebody approves it on the workspace: docs/infrastructure.md has the command.
resource grafanaMetrics 'Microsoft.Dashboard/grafana/managedPrivateEndpoints@2024-10-01' = {
  parent: grafana
  name: 'metrics'
  location: site.location
  tags: site.tags
  properties: {
    privateLinkResourceId: metrics.id
    privateLinkResourceRegion: site.location
    groupIds: ['prometheusMetrics']
    requestMessage: 'Grafana of ${site.name}'
  }
}

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${site.name}'
  location: 'global'
  tags: site.tags
  properties: {
    groupShortName: take(site.compact, 12)
    enabled: true
    emailReceivers: [for address in alertEmails: {
      name: address
      emailAddress: address
      useCommonAlertSchema: true
    }]
  }
}

resource budget 'Microsoft.Consumption/budgets@2024-08-01' = {
  name: 'budget-${site.name}'
  properties: {
    category: 'Cost'
    amount: budgetAmount
    timeGrain: 'Monthly'
    timePeriod: { startDate: budgetStart }
    notifications: {
      actual80: {
        enabled: true
        operator: 'GreaterThan'
        thresholdType: 'Actual'
        threshold: 80
        contactEmails: []
        contactGroups: [actionGroup.id]
      }
      actual100: {
        enabled: true
        operator: 'GreaterThan'
        thresholdType: 'Actual'
        threshold: 100
        contactEmails: []
        contactGroups: [actionGroup.id]
      }
      forecast100: {
        enabled: true
        operator: 'GreaterThan'
        thresholdType: 'Forecasted'
        threshold: 100
        contactEmails: []
        contactGroups: [actionGroup.id]
      }
    }
  }
}

// The network's are here because the workspace is, which the network comes before.
resource virtualNetwork 'Microsoft.Network/virtualNetworks@2024-07-01' existing = {
  name: networkName
}

resource virtualNetworkDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: virtualNetwork
  name: 'to-workspace'
  properties: {
    workspaceId: workspace.id
    logs: allLogs
    metrics: allMetrics
  }
}

resource egressAddress 'Microsoft.Network/publicIPAddresses@2024-07-01' existing = {
  name: egressAddressName
}

resource egressAddressDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: egressAddress
  name: 'to-workspace'
  properties: {
    workspaceId: workspace.id
    logs: allLogs
    metrics: allMetrics
  }
}

resource natGateway 'Microsoft.Network/natGateways@2024-07-01' existing = {
  name: natGatewayName
}

// Which node went where. The gateway has no metrics that can be sent.
resource natGatewayDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: natGateway
  name: 'to-workspace'
  properties: {
    workspaceId: workspace.id
    logs: [
      {
        category: 'NatGatewayFlowlogsV1'
        enabled: true
      }
    ]
  }
}

resource securityGroups 'Microsoft.Network/networkSecurityGroups@2024-07-01' existing = [for name in securityGroupNames: {
  name: name
}]

// Security groups have logs and no metrics.
resource securityGroupDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = [for (name, i) in securityGroupNames: {
  scope: securityGroups[i]
  name: 'to-workspace'
  properties: {
    workspaceId: workspace.id
    logs: allLogs
  }
}]

resource workspaceDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: workspace
  name: 'to-workspace'
  properties: {
    workspaceId: workspace.id
    logs: allLogs
    metrics: allMetrics
  }
}

resource grafanaDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: grafana
  name: 'to-workspace'
  properties: {
    workspaceId: workspace.id
    logs: allLogs
    metrics: allMetrics
  }
}

@description('Log Analytics workspace, reachable from the network.')
output workspaceId string = workspace.id

@description('Azure Monitor workspace, for Prometheus.')
output metricsId string = metrics.id

@description('Its name.')
output metricsName string = metrics.name

@description('Where metrics are asked for, in the network.')
output prometheusQueryEndpoint string = metrics.properties.metrics.prometheusQueryEndpoint

@description('Data collection endpoint that the cluster\'s agents ask.')
output collectionEndpointId string = collection.id

@description('Who is told.')
output actionGroupId string = actionGroup.id

@description('Grafana\'s address, in the network.')
output grafanaEndpoint string = grafana.properties.endpoint
