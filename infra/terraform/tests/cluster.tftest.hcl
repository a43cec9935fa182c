# Who reaches the API server.
mock_provider "azurerm" {}

variables {
  site                   = { name = "davit-staging-weu", compact = "davitstgweu", unique = "x", location = "westeurope", resource_group = "rg", tags = {} }
  subnet_id              = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/nodes"
  zone_id                = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/privatelink.westeurope.azmk8s.io"
  authorized_ranges      = []
  egress_range           = "198.51.100.1/32"
  kubelet                = { client_id = "00000000-0000-0000-0000-000000000001", object_id = "00000000-0000-0000-0000-000000000002" }
  kubernetes_version     = "1.35"
  pod_cidr               = "10.244.0.0/16"
  service_cidr           = "10.245.0.0/16"
  system_pool            = { vm_size = "Standard_D4ads_v5", min = 3, max = 5 }
  user_pools             = { general = { vm_size = "Standard_D4ads_v5", min = 1, max = 4 }, spare = { vm_size = "Standard_D4ads_v5", min = 2, max = 2 } }
  keda_enabled           = false
  vpa_enabled            = true
  tenant_id              = "00000000-0000-0000-0000-000000000003"
  admin_group_object_ids = ["00000000-0000-0000-0000-00000000000a"]
  workspace_id           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/w"
  metrics_id             = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Monitor/accounts/m"
  collection_endpoint_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Insights/dataCollectionEndpoints/d"
  action_group_id        = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Insights/actionGroups/a"
  identity_ids = {
    cluster = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/c"
    kubelet = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/k"
  }
}

run "private_without_ranges" {
  command = plan

  module {
    source = "./modules/cluster"
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.private_cluster_enabled && azurerm_kubernetes_cluster.this.private_dns_zone_id == var.zone_id
    error_message = "Without authorized ranges the cluster is private, in the zone that was given."
  }
  assert {
    condition     = azurerm_kubernetes_cluster.this.dns_prefix == null && azurerm_kubernetes_cluster.this.dns_prefix_private_cluster == "davit-staging-weu"
    error_message = "A private cluster in a zone of its own has its prefix under another name."
  }
  assert {
    condition     = azurerm_kubernetes_cluster.this.network_profile[0].dns_service_ip == "10.245.0.10"
    error_message = "DNS is not the tenth address of the services."
  }
  assert {
    condition     = length(azurerm_kubernetes_cluster_node_pool.this) == 2
    error_message = "There are not two pools for applications."
  }
  assert {
    condition     = alltrue([for name in ["nodes", "traffic"] : length(azurerm_monitor_alert_prometheus_rule_group.alerts[name].rule) > 0])
    error_message = "The alerts were not read."
  }
}

run "public_for_those_who_are_named" {
  command = plan

  module {
    source = "./modules/cluster"
  }

  variables {
    authorized_ranges = ["203.0.113.0/24"]
  }

  assert {
    condition     = !azurerm_kubernetes_cluster.this.private_cluster_enabled && azurerm_kubernetes_cluster.this.dns_prefix == "davit-staging-weu"
    error_message = "With authorized ranges the API server is public."
  }
  assert {
    condition     = azurerm_kubernetes_cluster.this.api_server_access_profile[0].authorized_ip_ranges == toset(["203.0.113.0/24", "198.51.100.1/32"])
    error_message = "The API server answers others than those who were named and the nodes, which come by the NAT gateway's address."
  }
}
