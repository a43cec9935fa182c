// Who acts: the cluster's control plane, its kubelets, Davit, and the pipeline
// that deploys. None of them has a secret.
import { roles, siteType } from '../shared.bicep'

@description('What all resources of an environment share.')
param site siteType

@description('Name of the network that the control plane works in.')
param networkName string

@description('Private DNS zone of the API server.')
param clusterZoneName string

resource cluster 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${site.name}-cluster'
  location: site.location
  tags: site.tags
}

resource kubelet 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${site.name}-kubelet'
  location: site.location
  tags: site.tags
}

resource davit 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${site.name}-davit'
  location: site.location
  tags: site.tags
}

resource deploy 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${site.name}-deploy'
  location: site.location
  tags: site.tags
}

resource virtualNetwork 'Microsoft.Network/virtualNetworks@2024-07-01' existing = {
  name: networkName
}

// The control plane joins nodes and load balancers to subnets, and its private
// zone to the network.
resource clusterNetwork 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: virtualNetwork
  name: guid(virtualNetwork.id, cluster.id, roles.networkContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.networkContributor)
    principalId: cluster.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource clusterPrivateZone 'Microsoft.Network/privateDnsZones@2024-06-01' existing = {
  name: clusterZoneName
}

resource clusterZone 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: clusterPrivateZone
  name: guid(clusterPrivateZone.id, cluster.id, roles.privateZoneContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.privateZoneContributor)
    principalId: cluster.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource clusterKubelet 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: kubelet
  name: guid(kubelet.id, cluster.id, roles.identityOperator)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.identityOperator)
    principalId: cluster.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

@description('Resource ids, by identity.')
output ids { cluster: string, kubelet: string, davit: string, deploy: string } = {
  cluster: cluster.id
  kubelet: kubelet.id
  davit: davit.id
  deploy: deploy.id
}

@description('Names, by identity.')
output names { davit: string, deploy: string } = {
  davit: davit.name
  deploy: deploy.name
}

@description('Object ids in Entra ID, by identity.')
output principalIds { kubelet: string, davit: string, deploy: string } = {
  kubelet: kubelet.properties.principalId
  davit: davit.properties.principalId
  deploy: deploy.properties.principalId
}

@description('Client ids, by identity.')
output clientIds { kubelet: string, davit: string, deploy: string } = {
  kubelet: kubelet.properties.clientId
  davit: davit.properties.clientId
  deploy: deploy.properties.clientId
}
