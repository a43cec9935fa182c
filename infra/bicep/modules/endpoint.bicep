// A private endpoint: a service's address in the network, and its name in the
// private DNS zones.
import { siteType } from '../shared.bicep'

@description('What all resources of an environment share.')
param site siteType

@description('What it leads to, for names: vault.')
param service string

@description('The resource that it leads to.')
param targetId string

@description('The part of that resource, by the name that Azure calls it: vault.')
param group string

@description('Subnet of private endpoints.')
param subnetId string

@description('Private DNS zones that get its addresses.')
param zoneIds string[]

resource endpoint 'Microsoft.Network/privateEndpoints@2024-07-01' = {
  name: 'pe-${site.name}-${service}'
  location: site.location
  tags: site.tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      {
        name: service
        properties: {
          privateLinkServiceId: targetId
          groupIds: [group]
        }
      }
    ]
  }
}

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-07-01' = {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [for id in zoneIds: {
      name: last(split(id, '/'))
      properties: { privateDnsZoneId: id }
    }]
  }
}
