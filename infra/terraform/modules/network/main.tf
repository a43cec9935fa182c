# One network with three subnets: nodes, the gateway's load balancer, and the
# private endpoints of all services. What leaves, leaves by the NAT gateway.
locals {
  zones = {
    agentsvc   = "privatelink.agentsvc.azure-automation.net"
    blob       = "privatelink.blob.core.windows.net"
    cluster    = "privatelink.${var.site.location}.azmk8s.io"
    grafana    = "privatelink.grafana.azure.com"
    monitor    = "privatelink.monitor.azure.com"
    ods        = "privatelink.ods.opinsights.azure.com"
    oms        = "privatelink.oms.opinsights.azure.com"
    postgres   = "privatelink.postgres.database.azure.com"
    prometheus = "privatelink.${var.site.location}.prometheus.monitor.azure.com"
    queue      = "privatelink.queue.core.windows.net"
    redis      = "privatelink.redis.azure.net"
    registry   = "privatelink.azurecr.io"
    vault      = "privatelink.vaultcore.azure.net"
  }
}

resource "azurerm_virtual_network" "this" {
  name                = "vnet-${var.site.name}"
  resource_group_name = var.site.resource_group
  location            = var.site.location
  address_space       = [var.address_space]
  tags                = var.site.tags
}

# A NAT gateway of Standard V2 spans all zones; a Standard one lives in one.
resource "azurerm_public_ip" "egress_address" {
  name                = "pip-${var.site.name}-egress"
  resource_group_name = var.site.resource_group
  location            = var.site.location
  sku                 = "StandardV2"
  allocation_method   = "Static"
  zones               = ["1", "2", "3"]
  tags                = var.site.tags
}

resource "azurerm_nat_gateway" "egress" {
  name                    = "ng-${var.site.name}"
  resource_group_name     = var.site.resource_group
  location                = var.site.location
  sku_name                = "StandardV2"
  idle_timeout_in_minutes = 10
  tags                    = var.site.tags
}

resource "azurerm_nat_gateway_public_ip_association" "egress" {
  nat_gateway_id       = azurerm_nat_gateway.egress.id
  public_ip_address_id = azurerm_public_ip.egress_address.id
}

resource "azurerm_subnet" "this" {
  for_each = local.prefixes

  name                            = each.key
  resource_group_name             = var.site.resource_group
  virtual_network_name            = azurerm_virtual_network.this.name
  address_prefixes                = [each.value]
  default_outbound_access_enabled = false

  # Without it, security groups let everybody to private endpoints.
  private_endpoint_network_policies = each.key == "endpoints" ? "Enabled" : "Disabled"
}

resource "azurerm_network_security_group" "this" {
  for_each = local.rules

  name                = "nsg-${var.site.name}-${each.key}"
  resource_group_name = var.site.resource_group
  location            = var.site.location
  tags                = var.site.tags

  dynamic "security_rule" {
    for_each = each.value
    content {
      name                         = security_rule.value.name
      priority                     = security_rule.value.priority
      direction                    = security_rule.value.direction
      access                       = security_rule.value.access
      protocol                     = security_rule.value.protocol
      source_port_range            = "*"
      source_address_prefix        = length(security_rule.value.from) == 1 ? security_rule.value.from[0] : null
      source_address_prefixes      = length(security_rule.value.from) == 1 ? null : security_rule.value.from
      destination_address_prefix   = length(security_rule.value.to) == 1 ? security_rule.value.to[0] : null
      destination_address_prefixes = length(security_rule.value.to) == 1 ? null : security_rule.value.to
      destination_port_range       = length(security_rule.value.ports) == 1 ? security_rule.value.ports[0] : null
      destination_port_ranges      = length(security_rule.value.ports) == 1 ? null : security_rule.value.ports
    }
  }
}

resource "azurerm_subnet_network_security_group_association" "this" {
  for_each = azurerm_subnet.this

  subnet_id                 = each.value.id
  network_security_group_id = azurerm_network_security_group.this[each.key].id
}

resource "azurerm_subnet_nat_gateway_association" "nodes" {
  subnet_id      = azurerm_subnet.this["nodes"].id
  nat_gateway_id = azurerm_nat_gateway.egress.id
}

resource "azurerm_private_dns_zone" "this" {
  for_each = local.zones

  name                = each.value
  resource_group_name = var.site.resource_group
  tags                = var.site.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "this" {
  for_each = azurerm_private_dns_zone.this

  name                 = "to-network"
  private_dns_zone_id  = each.value.id
  virtual_network_id   = azurerm_virtual_network.this.id
  registration_enabled = false
  tags                 = var.site.tags
}
