// Secrets are put in here by people and read by pods. None of them passes
// through a template, a parameter or an output.
import { roles, siteType } from '../shared.bicep'

@description('What all resources of an environment share.')
param site siteType

@description('Subnet of private endpoints.')
param subnetId string

@description('Private DNS zones by service.')
param zoneIds { *: string }

@description('Workspace that takes logs and metrics.')
param workspaceId string

@description('Account with the queue for events.')
param storageAccountName string

@description('Queue that takes events of expiry.')
param queueName string

@description('Who is told of expiry.')
param actionGroupId string

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

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: 'kv${site.compact}'
  location: site.location
  tags: site.tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    publicNetworkAccess: 'Disabled'
    networkAcls: {
      defaultAction: 'Deny'
      bypass: 'None'
    }
  }
}

resource keep 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: vault
  name: 'keep'
  properties: {
    level: 'CanNotDelete'
    notes: 'Secrets that nobody else has.'
  }
}

module endpoint 'endpoint.bicep' = {
  name: 'vault-endpoint'
  params: {
    site: site
    service: 'vault'
    targetId: vault.id
    group: 'vault'
    subnetId: subnetId
    zoneIds: [zoneIds.vault]
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: allLogs
    metrics: allMetrics
  }
}

// The vault says when a secret, a key or a certificate nears its end. The event
// goes to a queue, for whoever renews, and an alert counts the events.
resource events 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: 'evgt-${site.name}-vault'
  location: site.location
  tags: site.tags
  identity: { type: 'SystemAssigned' }
  properties: {
    source: vault.id
    topicType: 'Microsoft.KeyVault.vaults'
  }
}

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageAccountName
}

resource eventsSender 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: guid(account.id, events.id, roles.queueSender)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.queueSender)
    principalId: events.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource expiry 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: events
  name: 'expiry'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    deliveryWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      destination: {
        endpointType: 'StorageQueue'
        properties: {
          resourceId: account.id
          queueName: queueName
          queueMessageTimeToLiveInSeconds: 2592000
        }
      }
    }
    filter: {
      includedEventTypes: [
        'Microsoft.KeyVault.CertificateExpired'
        'Microsoft.KeyVault.CertificateNearExpiry'
        'Microsoft.KeyVault.KeyExpired'
        'Microsoft.KeyVault.KeyNearExpiry'
        'Microsoft.KeyVault.SecretExpired'
        'Microsoft.KeyVault.SecretNearExpiry'
      ]
    }
  }
  dependsOn: [eventsSender]
}

resource expiryAlert 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'alert-${site.name}-expiry'
  location: 'global'
  tags: site.tags
  properties: {
    description: 'A secret, key or certificate of the vault nears its end, or has reached it: see the queue ${queueName}.'
    enabled: true
    severity: 2
    scopes: [events.id]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT1H'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'events'
          metricNamespace: 'Microsoft.EventGrid/systemTopics'
          metricName: 'MatchedEventCount'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}

resource eventsDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: events
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: allLogs
    metrics: allMetrics
  }
}

@description('Its name.')
output name string = vault.name

@description('Its address, in the network.')
output uri string = vault.properties.vaultUri
