package validate

import (
	"slices"
	"strings"
)

var clusterProperties = append(append(same(
	"kubernetes_version = properties.kubernetesVersion",
	"sku_tier = sku.tier",
	"node_resource_group = properties.nodeResourceGroup",
	"dns_prefix = properties.dnsPrefix",
	"dns_prefix_private_cluster = properties.fqdnSubdomain",
	"private_cluster_enabled = properties.apiServerAccessProfile.enablePrivateCluster",
	"private_cluster_public_fqdn_enabled = properties.apiServerAccessProfile.enablePrivateClusterPublicFQDN",
	"run_command_enabled = !properties.apiServerAccessProfile.disableRunCommand",
	"private_dns_zone_id = properties.apiServerAccessProfile.privateDNSZone",
	"azure_active_directory_role_based_access_control.0.tenant_id = properties.aadProfile.tenantID",
	"kubelet_identity.0.user_assigned_identity_id = properties.identityProfile.kubeletidentity.resourceId",
	"kubelet_identity.0.client_id = properties.identityProfile.kubeletidentity.clientId",
	"kubelet_identity.0.object_id = properties.identityProfile.kubeletidentity.objectId",
	"oms_agent.0.log_analytics_workspace_id = properties.addonProfiles.omsagent.config.logAnalyticsWorkspaceResourceID",
	"microsoft_defender.0.log_analytics_workspace_id = properties.securityProfile.defender.logAnalyticsWorkspaceResourceId",
	"api_server_access_profile.0.authorized_ip_ranges = properties.apiServerAccessProfile.authorizedIPRanges",
	"local_account_disabled = properties.disableLocalAccounts",
	"role_based_access_control_enabled = properties.enableRBAC",
	"azure_active_directory_role_based_access_control.0.azure_rbac_enabled = properties.aadProfile.enableAzureRBAC",
	"azure_active_directory_role_based_access_control.0.admin_group_object_ids = properties.aadProfile.adminGroupObjectIDs",
	"oidc_issuer_enabled = properties.oidcIssuerProfile.enabled",
	"workload_identity_enabled = properties.securityProfile.workloadIdentity.enabled",
	"identity.0.type = identity.type",
	"azure_policy_enabled = properties.addonProfiles.azurepolicy.enabled",
	"oms_agent.0.msi_auth_for_monitoring_enabled = properties.addonProfiles.omsagent.config.useAADAuth",
	"key_vault_secrets_provider.0.secret_rotation_enabled = properties.addonProfiles.azureKeyvaultSecretsProvider.config.enableSecretRotation",
	"key_vault_secrets_provider.0.secret_rotation_interval = properties.addonProfiles.azureKeyvaultSecretsProvider.config.rotationPollInterval",
	"cost_analysis_enabled = properties.metricsProfile.costAnalysis.enabled",
	"image_cleaner_enabled = properties.securityProfile.imageCleaner.enabled",
	"image_cleaner_interval_hours = properties.securityProfile.imageCleaner.intervalHours",
	"automatic_upgrade_channel = properties.autoUpgradeProfile.upgradeChannel",
	"node_os_upgrade_channel = properties.autoUpgradeProfile.nodeOSUpgradeChannel",
	"node_provisioning_profile.0.mode = properties.nodeProvisioningProfile.mode",
	"network_profile.0.network_plugin = properties.networkProfile.networkPlugin",
	"network_profile.0.network_plugin_mode = properties.networkProfile.networkPluginMode",
	"network_profile.0.network_data_plane = properties.networkProfile.networkDataplane",
	"network_profile.0.network_policy = properties.networkProfile.networkPolicy",
	"network_profile.0.pod_cidr = properties.networkProfile.podCidr",
	"network_profile.0.service_cidr = properties.networkProfile.serviceCidr",
	"network_profile.0.dns_service_ip = properties.networkProfile.dnsServiceIP",
	"network_profile.0.outbound_type = properties.networkProfile.outboundType",
	"network_profile.0.load_balancer_sku = properties.networkProfile.loadBalancerSku",
	"auto_scaler_profile.0.balance_similar_node_groups = properties.autoScalerProfile.balance-similar-node-groups",
	"auto_scaler_profile.0.expander = properties.autoScalerProfile.expander",
	"workload_autoscaler_profile.0.keda_enabled = properties.workloadAutoScalerProfile.keda.enabled",
	"workload_autoscaler_profile.0.vertical_pod_autoscaler_enabled = properties.workloadAutoScalerProfile.verticalPodAutoscaler.enabled",
	"storage_profile.0.blob_driver_enabled = properties.storageProfile.blobCSIDriver.enabled",
	"storage_profile.0.disk_driver_enabled = properties.storageProfile.diskCSIDriver.enabled",
	"storage_profile.0.file_driver_enabled = properties.storageProfile.fileCSIDriver.enabled",
	"maintenance_window_auto_upgrade.0.day_of_week = maintenanceConfigurations/aksManagedAutoUpgradeSchedule.properties.maintenanceWindow.schedule.weekly.dayOfWeek",
	"maintenance_window_auto_upgrade.0.start_time = maintenanceConfigurations/aksManagedAutoUpgradeSchedule.properties.maintenanceWindow.startTime",
	"maintenance_window_auto_upgrade.0.duration = maintenanceConfigurations/aksManagedAutoUpgradeSchedule.properties.maintenanceWindow.durationHours",
	"maintenance_window_node_os.0.day_of_week = maintenanceConfigurations/aksManagedNodeOSUpgradeSchedule.properties.maintenanceWindow.schedule.weekly.dayOfWeek",
	"maintenance_window_node_os.0.start_time = maintenanceConfigurations/aksManagedNodeOSUpgradeSchedule.properties.maintenanceWindow.startTime",
	"maintenance_window_node_os.0.duration = maintenanceConfigurations/aksManagedNodeOSUpgradeSchedule.properties.maintenanceWindow.durationHours",
), poolProperties("default_node_pool.0.", "properties.agentPoolProfiles.0.")...),
	property{"only critical add-ons on the system pool", reader("default_node_pool.0.only_critical_addons_enabled"), func(b map[string]any) any {
		return slices.Contains(list(follow(b, strings.Split("properties.agentPoolProfiles.0.nodeTaints", "."))), "CriticalAddonsOnly=true:NoSchedule")
	}},
	property{"Defender", func(v map[string]any) any { return len(list(v["microsoft_defender"])) > 0 }, reader("properties.securityProfile.defender.securityMonitoring.enabled")},
	property{"Prometheus", func(v map[string]any) any { return len(list(v["monitor_metrics"])) > 0 }, reader("properties.azureMonitorProfile.metrics.enabled")},
	property{"the control plane's identities", reader("identity.0.identity_ids"), func(b map[string]any) any {
		var ids []any
		for id := range object(follow(b, strings.Split("identity.userAssignedIdentities", "."))) {
			ids = append(ids, id)
		}
		return ids
	}},
)

func poolProperties(terraform, arm string) []property {
	var all []string
	for _, names := range [][2]string{
		{"name", "name"}, {"vm_size", "vmSize"}, {"auto_scaling_enabled", "enableAutoScaling"}, {"min_count", "minCount"}, {"max_count", "maxCount"},
		{"zones", "availabilityZones"}, {"vnet_subnet_id", "vnetSubnetID"}, {"os_sku", "osSKU"}, {"os_disk_type", "osDiskType"}, {"os_disk_size_gb", "osDiskSizeGB"},
		{"host_encryption_enabled", "enableEncryptionAtHost"}, {"node_public_ip_enabled", "enableNodePublicIP"}, {"max_pods", "maxPods"},
		{"orchestrator_version", "orchestratorVersion"}, {"upgrade_settings.0.max_surge", "upgradeSettings.maxSurge"},
		{"upgrade_settings.0.drain_timeout_in_minutes", "upgradeSettings.drainTimeoutInMinutes"},
	} {
		if names[0] == "name" && terraform == "" {
			continue // which tells pools apart already
		}
		all = append(all, terraform+names[0]+" = "+arm+names[1])
	}
	return same(all...)
}
