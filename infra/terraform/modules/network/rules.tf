locals {
  prefixes = {
    nodes     = cidrsubnet(var.address_space, 4, 0)
    ingress   = cidrsubnet(var.address_space, 8, 16)
    endpoints = cidrsubnet(var.address_space, 8, 17)
  }

  # Pods are an overlay, but its packets cross the subnet under pod addresses.
  cluster = [local.prefixes.nodes, var.pod_cidr]
  clients = concat([var.address_space], var.client_ranges)

  gateway_ports = ["443", "8443"]
  service_ports = ["443", "5432", "10000"]

  from_balancer = { name = "AllowLoadBalancerInbound", priority = 110, direction = "Inbound", protocol = "*", from = ["AzureLoadBalancer"], to = ["*"], ports = ["*"] }

  # What is allowed, by subnet. All else is denied, by rules of their own: the
  # defaults of Azure allow the whole network and every peer of it. Azure's public
  # services are in the tag Internet, and pods meet the gateway by its address.
  allowed = {
    nodes = [
      { name = "AllowClusterInbound", priority = 100, direction = "Inbound", protocol = "*", from = local.cluster, to = local.cluster, ports = ["*"] },
      local.from_balancer,
      { name = "AllowClientsInbound", priority = 120, direction = "Inbound", protocol = "Tcp", from = local.clients, to = [local.prefixes.nodes, local.prefixes.ingress], ports = local.gateway_ports },
      { name = "AllowClusterOutbound", priority = 100, direction = "Outbound", protocol = "*", from = local.cluster, to = local.cluster, ports = ["*"] },
      { name = "AllowEndpointsOutbound", priority = 110, direction = "Outbound", protocol = "Tcp", from = local.cluster, to = [local.prefixes.endpoints], ports = local.service_ports },
      { name = "AllowGatewayOutbound", priority = 120, direction = "Outbound", protocol = "Tcp", from = local.cluster, to = [local.prefixes.ingress], ports = local.gateway_ports },
      { name = "AllowInternetHttpsOutbound", priority = 130, direction = "Outbound", protocol = "Tcp", from = local.cluster, to = ["Internet"], ports = ["443"] },
      { name = "AllowTimeOutbound", priority = 140, direction = "Outbound", protocol = "Udp", from = [local.prefixes.nodes], to = ["Internet"], ports = ["123"] },
    ]
    ingress = [
      local.from_balancer,
      { name = "AllowClientsInbound", priority = 120, direction = "Inbound", protocol = "Tcp", from = local.clients, to = [local.prefixes.ingress], ports = local.gateway_ports },
      { name = "AllowNodesOutbound", priority = 100, direction = "Outbound", protocol = "Tcp", from = [local.prefixes.ingress], to = local.cluster, ports = ["*"] },
    ]
    endpoints = concat(
      [{ name = "AllowNodesInbound", priority = 100, direction = "Inbound", protocol = "Tcp", from = local.cluster, to = [local.prefixes.endpoints], ports = local.service_ports }],
      length(var.operator_ranges) == 0 ? [] : [{ name = "AllowOperatorsInbound", priority = 110, direction = "Inbound", protocol = "Tcp", from = var.operator_ranges, to = [local.prefixes.endpoints], ports = local.service_ports }],
    )
  }

  denied = [for direction in ["Inbound", "Outbound"] : {
    name = "DenyAll${direction}", priority = 4096, direction = direction, protocol = "*", from = ["*"], to = ["*"], ports = ["*"]
  }]

  rules = { for subnet, allowed in local.allowed : subnet => concat(
    [for r in allowed : merge(r, { access = "Allow" })],
    [for r in local.denied : merge(r, { access = "Deny" })],
  ) }
}
