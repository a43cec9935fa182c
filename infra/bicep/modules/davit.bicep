// What is Davit's own: the state that several servers share, and what it and
// the pipeline may do.
import { groupType, roles, siteType } from '../shared.bicep'

@description('What all resources of an environment share.')
param site siteType

@description('Name of the environment: the environment of the workflows that deploy.')
param environment string

@description('Subnet of private endpoints.')
param subnetId string

@description('Private DNS zones by service.')
param zoneIds { *: string }

@description('Workspace that takes logs and metrics.')
param workspaceId string

@description('Names of the identities.')
param identityNames { davit: string, deploy: string }

@description('Their object ids.')
param principalIds { davit: string, deploy: string, *: string }

@description('Who vouches for the cluster\'s service accounts.')
param oidcIssuerUrl string

@description('Namespace in which Davit runs.')
param namespace string

@description('Repository whose workflows deploy.')
param githubRepository string

@description('The cluster, which workflows may find.')
param clusterName string

@description('The registry, which Davit reads and workflows push to.')
param registryName string

@description('The vault, whose secrets Davit reads.')
param vaultName string

@description('The account with the container that Davit writes receipts to.')
param storageAccountName string

@description('That container.')
param receiptsName string

@description('The Azure Monitor workspace, which Davit\'s gates ask.')
param metricsName string

@description('Size and safety of PostgreSQL. The size is tier and name in one: GP_Standard_D4ds_v5.')
param database { sku: string, storageMb: int, highAvailability: bool, backupDays: int, geoBackup: bool }

@description('Entra ID group that administers PostgreSQL.')
param databaseAdminGroup groupType

var tiers = {
  B: 'Burstable'
  GP: 'GeneralPurpose'
  MO: 'MemoryOptimized'
}
var tier = split(database.sku, '_')[0]

// Entra ID signs in; no password exists.
resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01' = {
  name: 'psql-${site.name}-${site.unique}'
  location: site.location
  tags: site.tags
  sku: {
    tier: tiers[tier]
    name: substring(database.sku, length(tier) + 1)
  }
  identity: { type: 'SystemAssigned' }
  properties: {
    version: '17'
    availabilityZone: '1'
    storage: {
      storageSizeGB: database.storageMb / 1024
      autoGrow: 'Enabled'
    }
    authConfig: {
      activeDirectoryAuth: 'Enabled'
      passwordAuth: 'Disabled'
      tenantId: subscription().tenantId
    }
    backup: {
      backupRetentionDays: database.backupDays
      geoRedundantBackup: database.geoBackup ? 'Enabled' : 'Disabled'
    }
    highAvailability: {
      mode: database.highAvailability ? 'ZoneRedundant' : 'Disabled'
      standbyAvailabilityZone: database.highAvailability ? '2' : null
    }
    maintenanceWindow: {
      customWindow: 'Enabled'
      dayOfWeek: 3
      startHour: 2
      startMinute: 0
    }
    network: { publicNetworkAccess: 'Disabled' }
  }
}

var serverSettings = {
  'connection_throttle.enable': 'on'
  log_checkpoints: 'on'
  require_secure_transport: 'on'
  ssl_min_protocol_version: 'TLSv1.2'
}

// What is done to the server is done in turn: it refuses a change during another.
@batchSize(1)
resource settings 'Microsoft.DBforPostgreSQL/flexibleServers/configurations@2025-08-01' = [for setting in items(serverSettings): {
  parent: server
  name: setting.key
  properties: {
    value: setting.value
    source: 'user-override'
  }
}]

resource admin 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2025-08-01' = {
  parent: server
  name: databaseAdminGroup.objectId
  properties: {
    principalName: databaseAdminGroup.name
    principalType: 'Group'
    tenantId: subscription().tenantId
  }
  dependsOn: [settings]
}

resource state 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2025-08-01' = {
  parent: server
  name: 'davit'
  properties: {
    charset: 'UTF8'
    collation: 'en_US.utf8'
  }
  dependsOn: [admin]
}

resource keep 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: server
  name: 'keep'
  properties: {
    level: 'CanNotDelete'
    notes: 'The state of Davit.'
  }
}

module endpoint 'endpoint.bicep' = {
  name: 'postgres-endpoint'
  params: {
    site: site
    service: 'postgres'
    targetId: server.id
    group: 'postgresqlServer'
    subnetId: subnetId
    zoneIds: [zoneIds.postgres]
  }
  dependsOn: [state]
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: server
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

// Davit's pods sign in as its identity, workflows of the repository as the
// deployer. Both by tokens that live for minutes; there is no secret to steal.
resource davit 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: identityNames.davit
}

resource deployer 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: identityNames.deploy
}

resource workload 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = {
  parent: davit
  name: 'kubernetes'
  properties: {
    issuer: oidcIssuerUrl
    subject: 'system:serviceaccount:${namespace}:davit'
    audiences: [
      'api://AzureADTokenExchange'
    ]
  }
}

resource github 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = {
  parent: deployer
  name: 'github'
  properties: {
    issuer: 'https://token.actions.githubusercontent.com'
    subject: 'repo:${githubRepository}:environment:${environment}'
    audiences: [
      'api://AzureADTokenExchange'
    ]
  }
}

resource cluster 'Microsoft.ContainerService/managedClusters@2025-07-01' existing = {
  name: clusterName
}

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' existing = {
  name: registryName
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource metrics 'Microsoft.Monitor/accounts@2023-04-03' existing = {
  name: metricsName
}

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageAccountName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' existing = {
  parent: account
  name: 'default'
}

resource receipts 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' existing = {
  parent: blobs
  name: receiptsName
}

resource davitMetrics 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: metrics
  name: guid(metrics.id, principalIds.davit, roles.metricsReader)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.metricsReader)
    principalId: principalIds.davit
    principalType: 'ServicePrincipal'
  }
}

resource davitPull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, principalIds.davit, roles.acrPull)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPull)
    principalId: principalIds.davit
    principalType: 'ServicePrincipal'
  }
}

resource davitReceipts 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: receipts
  name: guid(receipts.id, principalIds.davit, roles.blobContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobContributor)
    principalId: principalIds.davit
    principalType: 'ServicePrincipal'
  }
}

resource davitVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, principalIds.davit, roles.vaultReader)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.vaultReader)
    principalId: principalIds.davit
    principalType: 'ServicePrincipal'
  }
}

// What a workflow may do inside of the cluster is said there:
// infra/kubernetes/davit/deployer.yaml.
resource deployCluster 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: cluster
  name: guid(cluster.id, principalIds.deploy, roles.clusterUser)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.clusterUser)
    principalId: principalIds.deploy
    principalType: 'ServicePrincipal'
  }
}

resource deployPush 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, principalIds.deploy, roles.acrPush)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPush)
    principalId: principalIds.deploy
    principalType: 'ServicePrincipal'
  }
}

@description('PostgreSQL\'s name in the network. The database is davit.')
output databaseFqdn string = server.properties.fullyQualifiedDomainName
