// Azure Managed Redis: what Azure Cache for Redis and its Enterprise tiers are
// replaced by. Port 10000, TLS 1.2, Entra ID instead of keys.
import { siteType } from '../shared.bicep'

@description('What all resources of an environment share.')
param site siteType

@description('Subnet of private endpoints.')
param subnetId string

@description('Private DNS zones by service.')
param zoneIds { *: string }

@description('Workspace that takes logs and metrics.')
param workspaceId string

@description('Size of Azure Managed Redis.')
param sku string

@description('Whether there is a replica in another zone.')
param highAvailability bool

@description('Who reads and writes.')
param davitPrincipalId string

resource cache 'Microsoft.Cache/redisEnterprise@2025-07-01' = {
  name: 'redis-${site.name}-${site.unique}'
  location: site.location
  tags: site.tags
  sku: { name: sku }
  properties: {
    minimumTlsVersion: '1.2'
    highAvailability: highAvailability ? 'Enabled' : 'Disabled'
    publicNetworkAccess: 'Disabled'
  }
}

resource database 'Microsoft.Cache/redisEnterprise/databases@2025-07-01' = {
  parent: cache
  name: 'default'
  properties: {
    port: 10000
    clientProtocol: 'Encrypted'
    accessKeysAuthentication: 'Disabled'
    // One endpoint, for clients that know nothing of clusters.
    clusteringPolicy: 'EnterpriseCluster'
    evictionPolicy: 'VolatileLRU'
  }
}

resource access 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments@2025-07-01' = {
  parent: database
  name: 'davit'
  properties: {
    accessPolicyName: 'default'
    user: { objectId: davitPrincipalId }
  }
}

module endpoint 'endpoint.bicep' = {
  name: 'redis-endpoint'
  params: {
    site: site
    service: 'redis'
    targetId: cache.id
    group: 'redisEnterprise'
    subnetId: subnetId
    zoneIds: [zoneIds.redis]
  }
  // The cache refuses a change during another.
  dependsOn: [access]
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: cache
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

resource databaseDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: database
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'allLogs'
        enabled: true
      }
    ]
  }
}

@description('Its name in the network. The port is 10000.')
output hostname string = cache.properties.hostName
