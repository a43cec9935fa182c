// One network with three subnets: nodes, the gateway's load balancer, and the
// private endpoints of all services. What leaves, leaves by the NAT gateway.
import { siteType } from '../shared.bicep'

@description('What all resources of an environment share.')
param site siteType

@description('The network\'s range, a /16.')
param addressSpace string

@description('Addresses of pods, which the security groups see between nodes.')
param podCidr string

@description('Ranges of peered networks that reach the private endpoints.')
param operatorRanges string[]

@description('Ranges outside of the network that reach the gateway.')
param clientRanges string[]

var nodesPrefix = cidrSubnet(addressSpace, 20, 0)
var ingressPrefix = cidrSubnet(addressSpace, 24, 16)
var endpointsPrefix = cidrSubnet(addressSpace, 24, 17)

// Pods are an overlay, but its packets cross the subnet under pod addresses.
var clusterRanges = [nodesPrefix, podCidr]
var gatewayRanges = concat([addressSpace], clientRanges)

var gatewayPorts = ['443', '8443']
var servicePorts = ['443', '5432', '10000']

var fromBalancer = { name: 'AllowLoadBalancerInbound', priority: 110, direction: 'Inbound', protocol: '*', from: ['AzureLoadBalancer'], to: ['*'], ports: ['*'] }
var fromOperators = { name: 'AllowOperatorsInbound', priority: 110, direction: 'Inbound', protocol: 'Tcp', from: operatorRanges, to: [endpointsPrefix], ports: servicePorts }

// What is allowed, by subnet. All else is denied, by rules of their own: the
// defaults of Azure allow the whole network and every peer of it. Azure's public
// services are in the tag Internet, and pods meet the gateway by its address.
var allowed = {
  nodes: [
    { name: 'AllowClusterInbound', priority: 100, direction: 'Inbound', protocol: '*', from: clusterRanges, to: clusterRanges, ports: ['*'] }
    fromBalancer
    { name: 'AllowClientsInbound', priority: 120, direction: 'Inbound', protocol: 'Tcp', from: gatewayRanges, to: [nodesPrefix, ingressPrefix], ports: gatewayPorts }
    { name: 'AllowClusterOutbound', priority: 100, direction: 'Outbound', protocol: '*', from: clusterRanges, to: clusterRanges, ports: ['*'] }
    { name: 'AllowEndpointsOutbound', priority: 110, direction: 'Outbound', protocol: 'Tcp', from: clusterRanges, to: [endpointsPrefix], ports: servicePorts }
    { name: 'AllowGatewayOutbound', priority: 120, direction: 'Outbound', protocol: 'Tcp', from: clusterRanges, to: [ingressPrefix], ports: gatewayPorts }
    { name: 'AllowInternetHttpsOutbound', priority: 130, direction: 'Outbound', protocol: 'Tcp', from: clusterRanges, to: ['Internet'], ports: ['443'] }
    { name: 'AllowTimeOutbound', priority: 140, direction: 'Outbound', protocol: 'Udp', from: [nodesPrefix], to: ['Internet'], ports: ['123'] }
  ]
  ingress: [
    fromBalancer
    { name: 'AllowClientsInbound', priority: 120, direction: 'Inbound', protocol: 'Tcp', from: gatewayRanges, to: [ingressPrefix], ports: gatewayPorts }
    { name: 'AllowNodesOutbound', priority: 100, direction: 'Outbound', protocol: 'Tcp', from: [ingressPrefix], to: clusterRanges, ports: ['*'] }
  ]
  endpoints: concat(
    [{ name: 'AllowNodesInbound', priority: 100, direction: 'Inbound', protocol: 'Tcp', from: clusterRanges, to: [endpointsPrefix], ports: servicePorts }],
    empty(operatorRanges) ? [] : [fromOperators]
  )
}

var rules = [
  { subnet: 'nodes', allowed: allowed.nodes }
  { subnet: 'ingress', allowed: allowed.ingress }
  { subnet: 'endpoints', allowed: allowed.endpoints }
]

var zones = {
  agentsvc: 'privatelink.agentsvc.azure-automation.net'
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  cluster: 'privatelink.${site.location}.azmk8s.io'
  grafana: 'privatelink.grafana.azure.com'
  monitor: 'privatelink.monitor.azure.com'
  ods: 'privatelink.ods.opinsights.azure.com'
  oms: 'privatelink.oms.opinsights.azure.com'
  postgres: 'privatelink.postgres.database.azure.com'
  prometheus: 'privatelink.${site.location}.prometheus.monitor.azure.com'
  queue: 'privatelink.queue.${environment().suffixes.storage}'
  redis: 'privatelink.redis.azure.net'
  registry: 'privatelink.azurecr.io'
  vault: 'privatelink.vaultcore.azure.net'
}

// A NAT gateway of Standard V2 spans all zones; a Standard one lives in one.
resource egressAddress 'Microsoft.Network/publicIPAddresses@2024-07-01' = {
  name: 'pip-${site.name}-egress'
  location: site.location
  tags: site.tags
  sku: { name: 'StandardV2' }
  zones: ['1', '2', '3']
  properties: { publicIPAllocationMethod: 'Static' }
}

resource egress 'Microsoft.Network/natGateways@2024-07-01' = {
  name: 'ng-${site.name}'
  location: site.location
  tags: site.tags
  sku: { name: 'StandardV2' }
  properties: {
    idleTimeoutInMinutes: 10
    publicIpAddresses: [
      {
        id: egressAddress.id
      }
    ]
  }
}

resource securityGroups 'Microsoft.Network/networkSecurityGroups@2024-07-01' = [for group in rules: {
  name: 'nsg-${site.name}-${group.subnet}'
  location: site.location
  tags: site.tags
  properties: {
    securityRules: concat(
      map(group.allowed, rule => {
        name: rule.name
        properties: {
          priority: rule.priority
          direction: rule.direction
          access: 'Allow'
          protocol: rule.protocol
          sourcePortRange: '*'
          sourceAddressPrefix: length(rule.from) == 1 ? rule.from[0] : null
          sourceAddressPrefixes: length(rule.from) == 1 ? null : rule.from
          destinationAddressPrefix: length(rule.to) == 1 ? rule.to[0] : null
          destinationAddressPrefixes: length(rule.to) == 1 ? null : rule.to
          destinationPortRange: length(rule.ports) == 1 ? rule.ports[0] : null
          destinationPortRanges: length(rule.ports) == 1 ? null : rule.ports
        }
      }),
      map(['Inbound', 'Outbound'], direction => {
        name: 'DenyAll${direction}'
        properties: {
          priority: 4096
          direction: direction
          access: 'Deny'
          protocol: '*'
          sourcePortRange: '*'
          sourceAddressPrefix: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      })
    )
  }
}]

// The subnets are within the network: said on their own they would be made one
// beside the other, which Azure refuses, and taken away by the next deployment.
// Groups are called by name: a place in their list would be another's one day.
resource virtualNetwork 'Microsoft.Network/virtualNetworks@2024-07-01' = {
  name: 'vnet-${site.name}'
  location: site.location
  tags: site.tags
  properties: {
    addressSpace: {
      addressPrefixes: [addressSpace]
    }
    subnets: [
      {
        name: 'nodes'
        properties: {
          addressPrefixes: [nodesPrefix]
          defaultOutboundAccess: false
          privateEndpointNetworkPolicies: 'Disabled'
          networkSecurityGroup: {
            id: resourceId('Microsoft.Network/networkSecurityGroups', 'nsg-${site.name}-nodes')
          }
          natGateway: { id: egress.id }
        }
      }
      {
        name: 'ingress'
        properties: {
          addressPrefixes: [ingressPrefix]
          defaultOutboundAccess: false
          privateEndpointNetworkPolicies: 'Disabled'
          networkSecurityGroup: {
            id: resourceId('Microsoft.Network/networkSecurityGroups', 'nsg-${site.name}-ingress')
          }
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefixes: [endpointsPrefix]
          defaultOutboundAccess: false
          // Without it, security groups let everybody to private endpoints.
          privateEndpointNetworkPolicies: 'Enabled'
          networkSecurityGroup: {
            id: resourceId('Microsoft.Network/networkSecurityGroups', 'nsg-${site.name}-endpoints')
          }
        }
      }
    ]
  }
  dependsOn: [securityGroups]
}

resource nodes 'Microsoft.Network/virtualNetworks/subnets@2024-07-01' existing = {
  parent: virtualNetwork
  name: 'nodes'
}

resource ingress 'Microsoft.Network/virtualNetworks/subnets@2024-07-01' existing = {
  parent: virtualNetwork
  name: 'ingress'
}

resource endpoints 'Microsoft.Network/virtualNetworks/subnets@2024-07-01' existing = {
  parent: virtualNetwork
  name: 'endpoints'
}

resource privateZones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for zone in items(zones): {
  name: zone.value
  location: 'global'
  tags: site.tags
}]

resource zoneLinks 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (zone, i) in items(zones): {
  parent: privateZones[i]
  name: 'to-network'
  location: 'global'
  tags: site.tags
  properties: {
    registrationEnabled: false
    virtualNetwork: { id: virtualNetwork.id }
  }
}]

@description('Name of the network.')
output name string = virtualNetwork.name

@description('Subnets by name.')
output subnetIds { nodes: string, ingress: string, endpoints: string } = {
  nodes: nodes.id
  ingress: ingress.id
  endpoints: endpoints.id
}

@description('Private DNS zones by the service that they resolve.')
output zoneIds { *: string } = mapValues(zones, name => resourceId('Microsoft.Network/privateDnsZones', name))

@description('Name of the address that traffic leaves from.')
output egressAddressName string = egressAddress.name

@description('What the nodes are seen as by all that is outside of the network.')
output egressRange string = '${egressAddress.properties.ipAddress}/32'

@description('Name of the NAT gateway.')
output natGatewayName string = egress.name

@description('Names of the security groups.')
output securityGroupNames string[] = [for (group, i) in rules: securityGroups[i].name]
