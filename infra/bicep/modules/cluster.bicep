// The Kubernetes cluster, its pools of nodes, and what watches them.
import { poolType, roles, siteType } from '../shared.bicep'

@description('What all resources of an environment share.')
param site siteType

@description('Subnet of nodes.')
param subnetId string

@description('Private DNS zone of the API server.')
param zoneId string

@description('Who reaches a public API server. Without any, it is private.')
param authorizedRanges string[]

@description('What the nodes are seen as outside of the network: they reach a public API server there too.')
param egressRange string

@description('Identity of the control plane.')
param identityId string

@description('Identity of the kubelets.')
param kubelet { id: string, clientId: string, objectId: string }

@description('Minor version of Kubernetes.')
param kubernetesVersion string

@description('Addresses of pods.')
param podCidr string

@description('Addresses of services.')
param serviceCidr string

@description('Nodes of the cluster\'s own workloads.')
param systemPool poolType

@description('Nodes of the applications, by the pool\'s name.')
param userPools { *: poolType }

@description('Whether workloads may scale on events.')
param kedaEnabled bool

@description('Whether workloads may have their requests set.')
param vpaEnabled bool

@description('Entra ID groups that administer the cluster.')
param adminGroupObjectIds string[]

@description('Workspace that takes logs.')
param workspaceId string

@description('Azure Monitor workspace that takes metrics.')
param metricsId string

@description('Data collection endpoint that agents ask.')
param collectionEndpointId string

@description('Who is told by alerts.')
param actionGroupId string

var isPrivate = empty(authorizedRanges)
var zones = ['1', '2', '3']
var upgradeSettings = {
  maxSurge: '33%'
  drainTimeoutInMinutes: 30
  nodeSoakDurationInMinutes: 0
}

// Who may do what is decided by Entra ID and Azure roles alone: there are no
// local accounts, and no command runs through ARM.
resource cluster 'Microsoft.ContainerService/managedClusters@2025-07-01' = {
  name: 'aks-${site.name}'
  location: site.location
  tags: site.tags
  sku: {
    name: 'Base'
    tier: 'Standard'
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    kubernetesVersion: kubernetesVersion
    nodeResourceGroup: 'rg-${site.name}-nodes'
    // A private cluster in a zone of its own takes its prefix under another name.
    dnsPrefix: isPrivate ? null : site.name
    fqdnSubdomain: isPrivate ? site.name : null
    enableRBAC: true
    disableLocalAccounts: true
    aadProfile: {
      managed: true
      enableAzureRBAC: true
      tenantID: subscription().tenantId
    }
    apiServerAccessProfile: {
      enablePrivateCluster: isPrivate
      enablePrivateClusterPublicFQDN: false
      privateDNSZone: isPrivate ? zoneId : null
      authorizedIPRanges: isPrivate ? null : concat(authorizedRanges, [egressRange])
      disableRunCommand: true
    }
    identityProfile: {
      kubeletidentity: {
        resourceId: kubelet.id
        clientId: kubelet.clientId
        objectId: kubelet.objectId
      }
    }
    oidcIssuerProfile: { enabled: true }
    securityProfile: {
      workloadIdentity: { enabled: true }
      imageCleaner: {
        enabled: true
        intervalHours: 168
      }
      defender: {
        logAnalyticsWorkspaceResourceId: workspaceId
        securityMonitoring: { enabled: true }
      }
    }
    autoUpgradeProfile: {
      upgradeChannel: 'patch'
      nodeOSUpgradeChannel: 'NodeImage'
    }
    agentPoolProfiles: [
      {
        name: 'system'
        mode: 'System'
        type: 'VirtualMachineScaleSets'
        vmSize: systemPool.vmSize
        enableAutoScaling: true
        count: systemPool.min
        minCount: systemPool.min
        maxCount: systemPool.max
        availabilityZones: zones
        nodeTaints: ['CriticalAddonsOnly=true:NoSchedule']
        osType: 'Linux'
        osSKU: 'AzureLinux'
        osDiskType: 'Ephemeral'
        osDiskSizeGB: 128
        enableEncryptionAtHost: true
        enableNodePublicIP: false
        maxPods: 110
        orchestratorVersion: kubernetesVersion
        vnetSubnetID: subnetId
        tags: site.tags
        upgradeSettings: upgradeSettings
      }
    ]
    // Nodes come from the pools, in the sizes that were chosen.
    nodeProvisioningProfile: { mode: 'Manual' }
    networkProfile: {
      networkPlugin: 'azure'
      networkPluginMode: 'overlay'
      networkDataplane: 'cilium'
      networkPolicy: 'cilium'
      podCidr: podCidr
      serviceCidr: serviceCidr
      dnsServiceIP: cidrHost(serviceCidr, 9)
      outboundType: 'userAssignedNATGateway'
      loadBalancerSku: 'standard'
    }
    autoScalerProfile: {
      'balance-similar-node-groups': 'true'
      expander: 'least-waste'
    }
    workloadAutoScalerProfile: {
      keda: { enabled: kedaEnabled }
      verticalPodAutoscaler: { enabled: vpaEnabled }
    }
    addonProfiles: {
      azurepolicy: { enabled: true }
      azureKeyvaultSecretsProvider: {
        enabled: true
        config: {
          enableSecretRotation: 'true'
          rotationPollInterval: '5m'
        }
      }
      omsagent: {
        enabled: true
        config: {
          logAnalyticsWorkspaceResourceID: workspaceId
          useAADAuth: 'true'
        }
      }
    }
    azureMonitorProfile: {
      metrics: { enabled: true }
    }
    metricsProfile: {
      costAnalysis: { enabled: true }
    }
    storageProfile: {
      blobCSIDriver: { enabled: false }
      diskCSIDriver: { enabled: true }
      fileCSIDriver: { enabled: true }
    }
  }
}

// One at a time: the cluster refuses a change during another.
@batchSize(1)
resource pools 'Microsoft.ContainerService/managedClusters/agentPools@2025-07-01' = [for pool in items(userPools): {
  parent: cluster
  name: pool.key
  properties: {
    mode: 'User'
    type: 'VirtualMachineScaleSets'
    vmSize: pool.value.vmSize
    enableAutoScaling: true
    count: pool.value.min
    minCount: pool.value.min
    maxCount: pool.value.max
    availabilityZones: zones
    osType: 'Linux'
    osSKU: 'AzureLinux'
    osDiskType: 'Ephemeral'
    osDiskSizeGB: 128
    enableEncryptionAtHost: true
    enableNodePublicIP: false
    maxPods: 110
    orchestratorVersion: kubernetesVersion
    vnetSubnetID: subnetId
    tags: site.tags
    upgradeSettings: upgradeSettings
  }
}]

// It keeps pools too: docs/infrastructure.md says how one is taken out.
resource keep 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: cluster
  name: 'keep'
  properties: {
    level: 'CanNotDelete'
    notes: 'All that runs.'
  }
}

resource upgrades 'Microsoft.ContainerService/managedClusters/maintenanceConfigurations@2025-07-01' = {
  parent: cluster
  name: 'aksManagedAutoUpgradeSchedule'
  properties: {
    maintenanceWindow: {
      schedule: {
        weekly: {
          intervalWeeks: 1
          dayOfWeek: 'Tuesday'
        }
      }
      startTime: '02:00'
      utcOffset: '+00:00'
      durationHours: 4
    }
  }
}

resource nodeImages 'Microsoft.ContainerService/managedClusters/maintenanceConfigurations@2025-07-01' = {
  parent: cluster
  name: 'aksManagedNodeOSUpgradeSchedule'
  properties: {
    maintenanceWindow: {
      schedule: {
        weekly: {
          intervalWeeks: 1
          dayOfWeek: 'Wednesday'
        }
      }
      startTime: '02:00'
      utcOffset: '+00:00'
      durationHours: 4
    }
  }
}

// The first lets administrators do everything in the cluster, the second fetch the
// credentials that say where it is.
resource admins 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for group in adminGroupObjectIds: {
  scope: cluster
  name: guid(cluster.id, group, roles.clusterAdmin)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.clusterAdmin)
    principalId: group
    principalType: 'Group'
  }
}]

resource adminUsers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for group in adminGroupObjectIds: {
  scope: cluster
  name: guid(cluster.id, group, roles.clusterUser)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.clusterUser)
    principalId: group
    principalType: 'Group'
  }
}]

// Container Insights by managed identity, and Prometheus. What they collect is
// said by rules; where they ask for the rules, by the association with an
// endpoint. Performance counters are Prometheus' part, and not paid for twice.
var streams = [
  'Microsoft-ContainerLogV2'
  'Microsoft-KubeEvents'
  'Microsoft-KubePodInventory'
  'Microsoft-KubeNodeInventory'
  'Microsoft-KubeServices'
]

resource containers 'Microsoft.Insights/dataCollectionRules@2023-03-11' = {
  name: 'dcr-${site.name}-containers'
  location: site.location
  tags: site.tags
  kind: 'Linux'
  properties: {
    dataCollectionEndpointId: collectionEndpointId
    dataSources: {
      extensions: [
        {
          name: 'ContainerInsightsExtension'
          extensionName: 'ContainerInsights'
          streams: streams
          extensionSettings: {
            dataCollectionSettings: {
              interval: '1m'
              namespaceFilteringMode: 'Off'
              enableContainerLogV2: true
            }
          }
        }
      ]
    }
    destinations: {
      logAnalytics: [
        {
          name: 'workspace'
          workspaceResourceId: workspaceId
        }
      ]
    }
    dataFlows: [
      {
        streams: streams
        destinations: ['workspace']
      }
    ]
  }
}

resource prometheus 'Microsoft.Insights/dataCollectionRules@2023-03-11' = {
  name: 'dcr-${site.name}-prometheus'
  location: site.location
  tags: site.tags
  kind: 'Linux'
  properties: {
    dataCollectionEndpointId: collectionEndpointId
    dataSources: {
      prometheusForwarder: [
        {
          name: 'PrometheusDataSource'
          streams: ['Microsoft-PrometheusMetrics']
        }
      ]
    }
    destinations: {
      monitoringAccounts: [
        {
          name: 'metrics'
          accountResourceId: metricsId
        }
      ]
    }
    dataFlows: [
      {
        streams: ['Microsoft-PrometheusMetrics']
        destinations: ['metrics']
      }
    ]
  }
}

resource containersAssociation 'Microsoft.Insights/dataCollectionRuleAssociations@2023-03-11' = {
  scope: cluster
  name: 'containers'
  properties: { dataCollectionRuleId: containers.id }
}

resource prometheusAssociation 'Microsoft.Insights/dataCollectionRuleAssociations@2023-03-11' = {
  scope: cluster
  name: 'prometheus'
  properties: { dataCollectionRuleId: prometheus.id }
}

resource endpointAssociation 'Microsoft.Insights/dataCollectionRuleAssociations@2023-03-11' = {
  scope: cluster
  name: 'configurationAccessEndpoint'
  properties: { dataCollectionEndpointId: collectionEndpointId }
}

// What could not be collected.
var logErrors = [
  {
    category: 'LogErrors'
    enabled: true
  }
]

resource containersDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: containers
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: logErrors
  }
}

resource prometheusDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: prometheus
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: logErrors
  }
}

// The alerts are data, which both languages read.
var alertGroups = {
  nodes: loadJsonContent('../../alerts/nodes.json')
  traffic: loadJsonContent('../../alerts/traffic.json')
}

resource alerts 'Microsoft.AlertsManagement/prometheusRuleGroups@2023-03-01' = [for group in items(alertGroups): {
  name: 'alerts-${site.name}-${group.key}'
  location: site.location
  tags: site.tags
  properties: {
    description: group.value.description
    enabled: true
    clusterName: cluster.name
    scopes: [metricsId]
    interval: 'PT1M'
    rules: map(group.value.rules, rule => {
      alert: rule.alert
      expression: rule.expression
      for: rule.for
      severity: rule.severity
      enabled: true
      annotations: { summary: rule.summary }
      actions: [
        {
          actionGroupId: actionGroupId
        }
      ]
      resolveConfiguration: {
        autoResolved: true
        timeToResolve: 'PT10M'
      }
    })
  }
}]

// kube-audit has every read; kube-audit-admin leaves those out, and costs a tenth.
var logCategories = [
  'cloud-controller-manager'
  'cluster-autoscaler'
  'csi-azuredisk-controller'
  'csi-azurefile-controller'
  'guard'
  'kube-apiserver'
  'kube-audit-admin'
  'kube-controller-manager'
  'kube-scheduler'
]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: cluster
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [for category in logCategories: {
      category: category
      enabled: true
    }]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

@description('Its name.')
output name string = cluster.name

@description('Who vouches for service accounts.')
output oidcIssuerUrl string = cluster.properties.oidcIssuerProfile.issuerURL
