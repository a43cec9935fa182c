// Images. Premium is what has private endpoints, zones and retention. Trust is
// not the registry's: releases are pinned by digest and signed.
import { roles, siteType } from '../shared.bicep'

@description('What all resources of an environment share.')
param site siteType

@description('Subnet of private endpoints.')
param subnetId string

@description('Private DNS zones by service.')
param zoneIds { *: string }

@description('Workspace that takes logs and metrics.')
param workspaceId string

@description('Who pulls images.')
param kubeletPrincipalId string

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' = {
  name: 'cr${site.compact}'
  location: site.location
  tags: site.tags
  sku: { name: 'Premium' }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
    publicNetworkAccess: 'Disabled'
    // Azure's own services that sign in get through: an import is the registry's work.
    networkRuleBypassOptions: 'AzureServices'
    dataEndpointEnabled: true
    zoneRedundancy: 'Enabled'
    policies: {
      exportPolicy: { status: 'disabled' }
      retentionPolicy: {
        days: 30
        status: 'enabled'
      }
    }
  }
}

resource keep 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: registry
  name: 'keep'
  properties: {
    level: 'CanNotDelete'
    notes: 'Images that releases are made of.'
  }
}

module endpoint 'endpoint.bicep' = {
  name: 'registry-endpoint'
  params: {
    site: site
    service: 'registry'
    targetId: registry.id
    group: 'registry'
    subnetId: subnetId
    zoneIds: [zoneIds.registry]
  }
}

resource kubeletPull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, kubeletPrincipalId, roles.acrPull)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPull)
    principalId: kubeletPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: registry
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'allLogs'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

@description('Its name.')
output name string = registry.name

@description('Where images are pushed to and pulled from, in the network.')
output loginServer string = registry.properties.loginServer
