// The Azure platform that Davit deploys to: one resource group an environment,
// the same as infra/terraform says it.
targetScope = 'subscription'

import { groupType, poolType } from 'shared.bicep'

@description('What runs here. The first part of all names.')
@minLength(2)
@maxLength(8)
param workload string = 'davit'

@description('staging or production.')
param environment 'staging' | 'production'

@description('Azure region. It must have three availability zones.')
param location string

@description('Short name of the region, for names: weu for westeurope.')
@minLength(2)
@maxLength(4)
param locationCode string

@description('What makes names that are unique in the world yours.')
@minLength(3)
@maxLength(5)
param unique string

@description('Team that answers for the environment. A tag.')
@minLength(1)
param owner string

@description('Who pays. A tag.')
@minLength(1)
param costCenter string

@description('The network\'s range, a /16 that no peered network has.')
param addressSpace string

@description('Addresses of pods. They are an overlay: clusters that do not talk pod to pod may share them.')
param podCidr string = '10.244.0.0/16'

@description('Addresses of Kubernetes services.')
param serviceCidr string = '10.245.0.0/16'

@description('Ranges of peered networks that reach the private endpoints, such as a VPN\'s.')
param operatorRanges string[] = []

@description('Ranges outside of the network that reach the gateway on 443: those of the front door or of peered networks.')
param clientRanges string[] = []

@description('Who reaches a public API server. Without any, the cluster is private.')
param apiServerAuthorizedRanges string[] = []

@description('Minor version of Kubernetes. Patches arrive by the upgrade channel.')
@minLength(4)
@maxLength(4)
param kubernetesVersion string = '1.35'

@description('Nodes of the cluster\'s own workloads, over three zones.')
param systemPool poolType

@description('Nodes of the applications, by the pool\'s name.')
param userPools { *: poolType }

@description('Whether workloads beside Davit\'s may scale on events.')
param kedaEnabled bool = false

@description('Whether workloads beside Davit\'s may have their requests set by the vertical autoscaler.')
param vpaEnabled bool = false

@description('Entra ID groups that administer the cluster and Grafana.')
@minLength(1)
param adminGroupObjectIds string[]

@description('Entra ID group that administers PostgreSQL.')
param databaseAdminGroup groupType

@description('Size of Azure Managed Redis.')
param redisSku string

@description('Whether Redis has a replica in another zone.')
param redisHighAvailability bool = true

@description('ZRS: three zones. GZRS: another region too.')
param storageReplication 'ZRS' | 'GZRS' = 'ZRS'

@description('Size of PostgreSQL Flexible Server: tier and size, such as GP_Standard_D4ds_v5.')
param postgresSku string

@description('Where storage starts, in MB; it grows by itself.')
param postgresStorageMb 32768 | 65536 | 131072 | 262144 | 524288 | 1048576 = 32768

@description('Whether PostgreSQL has a standby in another zone.')
param postgresHighAvailability bool = true

@description('How far back PostgreSQL can be restored, in days.')
@minValue(7)
@maxValue(35)
param postgresBackupDays int = 14

@description('How long logs are kept, in days.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('What a day\'s logs may come to before the workspace takes no more, in GB.')
@minValue(1)
param logDailyQuotaGb int = 5

@description('Who is told by alerts.')
@minLength(1)
param alertEmails string[]

@description('What a month may cost before somebody is told, in the subscription\'s currency.')
@minValue(1)
param budgetAmount int

@description('First month of the budget: the one in which it is made, for Azure takes none that is past. 2026-12-01T00:00:00Z.')
param budgetStart string

@description('Repository whose workflows deploy, owner/name. They sign in by OpenID Connect, in the environment of this environment\'s name.')
param githubRepository string

@description('Kubernetes namespace in which Davit runs, with the service account davit.')
@minLength(1)
@maxLength(63)
param namespace string = 'davit'

var isProduction = environment == 'production'

// What no single parameter can say of itself. A deployment that breaks one of
// these ends before it begins, with the sentence.
var lower = 'abcdefghijklmnopqrstuvwxyz'
var digits = '0123456789'
var alphanumeric = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ${lower}${digits}'

// Two ranges overlap when they are the same, cut to the shorter prefix. AKS keeps
// 172.30.0.0/16 and 172.31.0.0/16 for itself.
var taken = ['172.30.0.0/16', '172.31.0.0/16', addressSpace]
var neighbours = concat(
  map(taken, r => { name: 'podCidr', one: podCidr, other: r }),
  map(concat(taken, [podCidr]), r => { name: 'serviceCidr', one: serviceCidr, other: r })
)
var cut = map(neighbours, n => { name: n.name, one: n.one, other: n.other, bits: min(parseCidr(n.one).cidr, parseCidr(n.other).cidr) })
var overlaps = filter(cut, c => parseCidr('${split(c.one, '/')[0]}/${c.bits}').network == parseCidr('${split(c.other, '/')[0]}/${c.bits}').network)

var outside = concat(operatorRanges, clientRanges, apiServerAuthorizedRanges)
var open = filter(outside, r => parseCidr(r).cidr == 0)
var notIPv4 = filter(concat(outside, [addressSpace, podCidr, serviceCidr]), r => contains(r, ':') || !contains(r, '/'))

// Texts with the characters that they begin with and are made of.
var redisFamilies = filter(['Balanced_B', 'MemoryOptimized_M', 'ComputeOptimized_X'], f => startsWith(redisSku, f))
var postgresFamilies = filter(['B_Standard_', 'GP_Standard_', 'MO_Standard_'], f => startsWith(postgresSku, f))
var repository = split(githubRepository, '/')
var ids = concat(adminGroupObjectIds, [databaseAdminGroup.objectId])
var texts = concat(
  [
    { says: 'workload is lower-case letters and digits, the first a letter.', value: workload, first: lower, all: '${lower}${digits}' }
    { says: 'locationCode is lower-case letters.', value: locationCode, first: lower, all: lower }
    { says: 'unique is lower-case letters and digits.', value: unique, first: '${lower}${digits}', all: '${lower}${digits}' }
    { says: 'namespace is a DNS label.', value: namespace, first: '${lower}${digits}', all: '${lower}${digits}-' }
    { says: 'kubernetesVersion is a minor version, such as 1.35.', value: skip(kubernetesVersion, 2), first: digits, all: digits }
    { says: 'budgetStart is the first of a month.', value: take(budgetStart, 7), first: '2', all: '${digits}-' }
    { says: 'githubRepository is owner/name: the owner has letters, digits and hyphens.', value: repository[0], first: alphanumeric, all: '${alphanumeric}-' }
    { says: 'githubRepository is owner/name: the name has letters, digits and ._-.', value: skip(githubRepository, length(repository[0]) + 1), first: '${alphanumeric}._-', all: '${alphanumeric}._-' }
  ],
  map(items(userPools), pool => { says: 'userPools: ${pool.key} is not lower-case letters and digits, the first a letter.', value: pool.key, first: lower, all: '${lower}${digits}' }),
  map(redisFamilies, f => { says: 'redisSku is one of Azure Managed Redis, such as Balanced_B5.', value: skip(redisSku, length(f)), first: digits, all: digits }),
  map(postgresFamilies, f => { says: 'postgresSku is tier and size, such as GP_Standard_D4ds_v5.', value: skip(postgresSku, length(f)), first: '${alphanumeric}_', all: '${alphanumeric}_' }),
  map(ids, id => { says: 'adminGroupObjectIds and databaseAdminGroup: ${id} is no UUID in lower case.', value: id, first: '${digits}abcdef', all: '${digits}abcdef-' })
)
var odd = filter(texts, t => empty(t.value) || !contains(t.first, take(t.value, 1)) || !empty(filter(range(0, length(t.value)), i => !contains(t.all, substring(t.value, i, 1)))))
var notIds = filter(ids, id => join(map(split(id, '-'), part => string(length(part))), ' ') != '8 4 4 4 12')
var notEmails = filter(alertEmails, a => length(split(a, '@')) != 2 || startsWith(a, '@') || endsWith(a, '@') || contains(a, ' '))

var pools = map(items(userPools), pool => pool.value)
var refusals = concat(map(odd, t => t.says), filter([
  empty(trim(owner)) ? 'owner is missing: every resource is tagged with it.' : ''
  empty(trim(costCenter)) ? 'costCenter is missing: every resource is tagged with it.' : ''
  parseCidr(addressSpace).cidr != 16 ? 'addressSpace is an IPv4 /16.' : ''
  !empty(notIPv4) ? 'addressSpace, podCidr, serviceCidr, operatorRanges, clientRanges and apiServerAuthorizedRanges are IPv4 ranges.' : ''
  !empty(filter(overlaps, o => o.name == 'podCidr')) ? 'podCidr overlaps neither addressSpace nor 172.30.0.0/16 and 172.31.0.0/16, which AKS keeps for itself.' : ''
  !empty(filter(overlaps, o => o.name == 'serviceCidr')) ? 'serviceCidr overlaps neither addressSpace, nor podCidr, nor 172.30.0.0/16 and 172.31.0.0/16, which AKS keeps for itself.' : ''
  !startsWith(kubernetesVersion, '1.') ? 'kubernetesVersion is a minor version, such as 1.35: the upgrade channel picks the patch.' : ''
  systemPool.min < 3 ? 'systemPool: min is below 3, one node for each zone.' : ''
  systemPool.min > systemPool.max ? 'systemPool: min is above max.' : ''
  empty(userPools) ? 'userPools: there is at least one.' : ''
  !empty(filter(items(userPools), pool => length(pool.key) > 12 || pool.key == 'system')) ? 'userPools: names are at most 12 long, and not system.' : ''
  !empty(filter(pools, pool => pool.min > pool.max)) ? 'userPools: min is above max.' : ''
  isProduction && !empty(filter(pools, pool => pool.min < 3)) ? 'userPools: in production min is at least 3, one node for each zone.' : ''
  !empty(open) ? 'operatorRanges, clientRanges and apiServerAuthorizedRanges: none of them is everybody.' : ''
  isProduction && !empty(apiServerAuthorizedRanges) ? 'apiServerAuthorizedRanges must be empty: production\'s API server is private.' : ''
  !empty(notIds) ? 'adminGroupObjectIds and databaseAdminGroup: ${join(notIds, ' and ')} is no UUID.' : ''
  empty(databaseAdminGroup.name) ? 'databaseAdminGroup has a UUID and a name.' : ''
  empty(redisFamilies) ? 'redisSku is one of Azure Managed Redis, such as Balanced_B5.' : ''
  isProduction && !redisHighAvailability ? 'redisHighAvailability must be true: production\'s Redis is highly available.' : ''
  empty(postgresFamilies) ? 'postgresSku is tier and size, such as GP_Standard_D4ds_v5.' : ''
  isProduction && !postgresHighAvailability ? 'postgresHighAvailability must be true: production\'s PostgreSQL is highly available.' : ''
  postgresHighAvailability && startsWith(postgresSku, 'B_') ? 'postgresHighAvailability must be false: a burstable PostgreSQL cannot be highly available.' : ''
  !empty(notEmails) ? 'alertEmails: ${join(notEmails, ' and ')} is no address.' : ''
  length(budgetStart) != 20 || !startsWith(budgetStart, '20') || !endsWith(budgetStart, '-01T00:00:00Z') ? 'budgetStart is the first of a month: 2026-12-01T00:00:00Z.' : ''
  length(repository) != 2 ? 'githubRepository is owner/name.' : ''
  endsWith(namespace, '-') ? 'namespace is a DNS label.' : ''
], sentence => !empty(sentence)))

var name = '${workload}-${environment}-${locationCode}'
var site = {
  name: name
  compact: '${workload}${isProduction ? 'prd' : 'stg'}${locationCode}${unique}'
  unique: unique
  location: empty(refusals) ? location : fail(join(refusals, ' '))
  tags: {
    workload: workload
    environment: environment
    owner: owner
    cost_center: costCenter
    managed_by: 'bicep'
  }
}

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${name}'
  location: site.location
  tags: site.tags
}

module network 'modules/network.bicep' = {
  scope: group
  name: 'network'
  params: {
    site: site
    addressSpace: addressSpace
    podCidr: podCidr
    operatorRanges: operatorRanges
    clientRanges: clientRanges
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  name: 'monitoring'
  params: {
    site: site
    subnetId: network.outputs.subnetIds.endpoints
    zoneIds: network.outputs.zoneIds
    networkName: network.outputs.name
    egressAddressName: network.outputs.egressAddressName
    natGatewayName: network.outputs.natGatewayName
    securityGroupNames: network.outputs.securityGroupNames
    logRetentionDays: logRetentionDays
    logDailyQuotaGb: logDailyQuotaGb
    adminGroupObjectIds: adminGroupObjectIds
    alertEmails: alertEmails
    budgetAmount: budgetAmount
    budgetStart: budgetStart
  }
}

module identity 'modules/identity.bicep' = {
  scope: group
  name: 'identity'
  params: {
    site: site
    networkName: network.outputs.name
    clusterZoneName: last(split(network.outputs.zoneIds.cluster, '/'))
  }
}

module registry 'modules/registry.bicep' = {
  scope: group
  name: 'registry'
  params: {
    site: site
    subnetId: network.outputs.subnetIds.endpoints
    zoneIds: network.outputs.zoneIds
    workspaceId: monitoring.outputs.workspaceId
    kubeletPrincipalId: identity.outputs.principalIds.kubelet
  }
}

module storage 'modules/storage.bicep' = {
  scope: group
  name: 'storage'
  params: {
    site: site
    subnetId: network.outputs.subnetIds.endpoints
    zoneIds: network.outputs.zoneIds
    workspaceId: monitoring.outputs.workspaceId
    replication: storageReplication
  }
}

module vault 'modules/vault.bicep' = {
  scope: group
  name: 'vault'
  params: {
    site: site
    subnetId: network.outputs.subnetIds.endpoints
    zoneIds: network.outputs.zoneIds
    workspaceId: monitoring.outputs.workspaceId
    storageAccountName: storage.outputs.name
    queueName: storage.outputs.queueName
    actionGroupId: monitoring.outputs.actionGroupId
  }
}

module redis 'modules/redis.bicep' = {
  scope: group
  name: 'redis'
  params: {
    site: site
    subnetId: network.outputs.subnetIds.endpoints
    zoneIds: network.outputs.zoneIds
    workspaceId: monitoring.outputs.workspaceId
    sku: redisSku
    highAvailability: redisHighAvailability
    davitPrincipalId: identity.outputs.principalIds.davit
  }
}

module cluster 'modules/cluster.bicep' = {
  scope: group
  name: 'cluster'
  params: {
    site: site
    subnetId: network.outputs.subnetIds.nodes
    zoneId: network.outputs.zoneIds.cluster
    authorizedRanges: apiServerAuthorizedRanges
    egressRange: network.outputs.egressRange
    identityId: identity.outputs.ids.cluster
    kubelet: {
      id: identity.outputs.ids.kubelet
      clientId: identity.outputs.clientIds.kubelet
      objectId: identity.outputs.principalIds.kubelet
    }
    kubernetesVersion: kubernetesVersion
    podCidr: podCidr
    serviceCidr: serviceCidr
    systemPool: systemPool
    userPools: userPools
    kedaEnabled: kedaEnabled
    vpaEnabled: vpaEnabled
    adminGroupObjectIds: adminGroupObjectIds
    workspaceId: monitoring.outputs.workspaceId
    metricsId: monitoring.outputs.metricsId
    collectionEndpointId: monitoring.outputs.collectionEndpointId
    actionGroupId: monitoring.outputs.actionGroupId
  }
}

module davit 'modules/davit.bicep' = {
  scope: group
  name: 'davit'
  params: {
    site: site
    environment: environment
    subnetId: network.outputs.subnetIds.endpoints
    zoneIds: network.outputs.zoneIds
    workspaceId: monitoring.outputs.workspaceId
    identityNames: identity.outputs.names
    principalIds: identity.outputs.principalIds
    oidcIssuerUrl: cluster.outputs.oidcIssuerUrl
    namespace: namespace
    githubRepository: githubRepository
    clusterName: cluster.outputs.name
    registryName: registry.outputs.name
    vaultName: vault.outputs.name
    storageAccountName: storage.outputs.name
    receiptsName: storage.outputs.receiptsName
    metricsName: monitoring.outputs.metricsName
    database: {
      sku: postgresSku
      storageMb: postgresStorageMb
      highAvailability: postgresHighAvailability
      backupDays: postgresBackupDays
      geoBackup: isProduction
    }
    databaseAdminGroup: databaseAdminGroup
  }
}

// What the next step needs to know. None of it is a secret.
@description('Where all of it is.')
output resourceGroup string = group.name

@description('For az aks get-credentials.')
output clusterName string = cluster.outputs.name

@description('Who vouches for the cluster\'s service accounts.')
output oidcIssuerUrl string = cluster.outputs.oidcIssuerUrl

@description('Where images go.')
output registryLoginServer string = registry.outputs.loginServer

@description('Where secrets go.')
output vaultUri string = vault.outputs.uri

@description('The cache. The port is 10000.')
output redisHostname string = redis.outputs.hostname

@description('Where receipts go, in the container receipts.')
output storageAccount string = storage.outputs.name

@description('PostgreSQL. The database is davit.')
output databaseFqdn string = davit.outputs.databaseFqdn

@description('Dashboards.')
output grafanaEndpoint string = monitoring.outputs.grafanaEndpoint

@description('Metrics, for kubernetes.prometheus in davit.yaml.')
output prometheusQueryEndpoint string = monitoring.outputs.prometheusQueryEndpoint

@description('For the annotation of Davit\'s service account.')
output davitClientId string = identity.outputs.clientIds.davit

@description('For azure/login in workflows.')
output deployClientId string = identity.outputs.clientIds.deploy

@description('For the role binding in the cluster.')
output deployPrincipalId string = identity.outputs.principalIds.deploy
