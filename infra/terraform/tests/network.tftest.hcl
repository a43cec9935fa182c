# Who reaches whom.
mock_provider "azurerm" {}

variables {
  site            = { name = "davit-staging-weu", compact = "davitstgweu", unique = "x", location = "westeurope", resource_group = "rg", tags = {} }
  address_space   = "10.40.0.0/16"
  pod_cidr        = "10.244.0.0/16"
  operator_ranges = []
  client_ranges   = []
}

run "subnets_do_not_overlap" {
  command = plan

  module {
    source = "./modules/network"
  }

  assert {
    condition     = { for name, s in azurerm_subnet.this : name => s.address_prefixes[0] } == { nodes = "10.40.0.0/20", ingress = "10.40.16.0/24", endpoints = "10.40.17.0/24" }
    error_message = "Subnets are others than they were: what is in them would be made anew."
  }
  assert {
    condition     = alltrue([for name, g in azurerm_network_security_group.this : length([for r in g.security_rule : r if r.name == "AllowOperatorsInbound"]) == 0])
    error_message = "Operators are let in, and there are none."
  }
}

run "pods_reach_the_gateway" {
  command = plan

  module {
    source = "./modules/network"
  }

  assert {
    condition     = [for r in azurerm_network_security_group.this["nodes"].security_rule : r.destination_address_prefix if r.name == "AllowGatewayOutbound"] == ["10.40.16.0/24"]
    error_message = "Pods are kept from the subnet of the gateway."
  }
}

run "operators_reach_endpoints_and_nothing_else" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    operator_ranges = ["10.99.0.0/16"]
    client_ranges   = ["10.98.0.0/16"]
  }

  assert {
    condition     = [for name, g in azurerm_network_security_group.this : name if length([for r in g.security_rule : r if r.name == "AllowOperatorsInbound"]) > 0] == ["endpoints"]
    error_message = "Operators are let into another subnet than that of the endpoints."
  }
  assert {
    condition     = alltrue([for r in azurerm_network_security_group.this["ingress"].security_rule : contains(r.source_address_prefixes, "10.98.0.0/16") if r.name == "AllowClientsInbound"])
    error_message = "Clients are not let in at the gateway."
  }
}
