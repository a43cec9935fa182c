output "virtual_network_id" {
  description = "The network."
  value       = azurerm_virtual_network.this.id
}

output "subnet_ids" {
  description = "Subnets by name: nodes, ingress, endpoints. They are given out when their rules and their way out are there."
  value       = { for name, s in azurerm_subnet.this : name => s.id }
  depends_on = [
    azurerm_subnet_network_security_group_association.this,
    azurerm_subnet_nat_gateway_association.nodes,
    azurerm_nat_gateway_public_ip_association.egress,
  ]
}

output "egress_range" {
  description = "What the nodes are seen as by all that is outside of the network."
  value       = "${azurerm_public_ip.egress_address.ip_address}/32"
}

output "zone_ids" {
  description = "Private DNS zones by the service that they resolve, linked to the network."
  value       = { for name, z in azurerm_private_dns_zone.this : name => z.id }
  depends_on  = [azurerm_private_dns_zone_virtual_network_link.this]
}

output "diagnosed" {
  description = "What has logs or metrics, by name."
  value = merge(
    {
      vnet   = azurerm_virtual_network.this.id
      egress = azurerm_public_ip.egress_address.id
      nat    = azurerm_nat_gateway.egress.id
    },
    { for name, g in azurerm_network_security_group.this : "nsg-${name}" => g.id },
  )
}
