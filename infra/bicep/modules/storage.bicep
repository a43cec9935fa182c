// Receipts and audit, which are written once and kept.
import { siteType } from '../shared.bicep'

@description('What all resources of an environment share.')
param site siteType

@description('Subnet of private endpoints.')
param subnetId string

@description('Private DNS zones by service.')
param zoneIds { *: string }

@description('Workspace that takes logs and metrics.')
param workspaceId string

@description('ZRS: three zones. GZRS: another region too.')
param replication 'ZRS' | 'GZRS'

var allLogs = [
  {
    categoryGroup: 'allLogs'
    enabled: true
  }
]
var transactions = [
  {
    category: 'Transaction'
    enabled: true
  }
]

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: 'st${site.compact}'
  location: site.location
  tags: site.tags
  kind: 'StorageV2'
  sku: {
    name: 'Standard_${replication}'
  }
  properties: {
    accessTier: 'Hot'
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    allowBlobPublicAccess: false
    publicNetworkAccess: 'Disabled'
    allowCrossTenantReplication: false
    isLocalUserEnabled: false
    encryption: {
      keySource: 'Microsoft.Storage'
      requireInfrastructureEncryption: true
    }
    // Azure's own services that sign in get through: Event Grid fills the queue.
    networkAcls: {
      defaultAction: 'Deny'
      bypass: 'AzureServices'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: true
    changeFeed: {
      enabled: true
      retentionInDays: 90
    }
    deleteRetentionPolicy: {
      enabled: true
      days: 30
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 30
    }
    restorePolicy: {
      enabled: true
      days: 14
    }
  }
}

resource receipts 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = {
  parent: blobs
  name: 'receipts'
  properties: { publicAccess: 'None' }
}

resource keep 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: account
  name: 'keep'
  properties: {
    level: 'CanNotDelete'
    notes: 'Receipts and audit.'
  }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2025-01-01' = {
  parent: account
  name: 'default'
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-01-01' = {
  parent: queues
  name: 'vault-events'
}

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'old-versions'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: ['blockBlob']
            }
            actions: {
              version: {
                tierToCool: { daysAfterCreationGreaterThan: 30 }
                delete: { daysAfterCreationGreaterThan: 365 }
              }
            }
          }
        }
      ]
    }
  }
  dependsOn: [blobs]
}

module endpoints 'endpoint.bicep' = [for service in ['blob', 'queue']: {
  name: '${service}-endpoint'
  params: {
    site: site
    service: service
    targetId: account.id
    group: service
    subnetId: subnetId
    zoneIds: [
      zoneIds[service]
    ]
  }
}]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    metrics: transactions
  }
}

resource blobDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: allLogs
    metrics: transactions
  }
}

resource queueDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: queues
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: allLogs
    metrics: transactions
  }
}

@description('Its name.')
output name string = account.name

@description('Container of receipts.')
output receiptsName string = receipts.name

@description('Queue for the vault\'s events.')
output queueName string = queue.name
