package validate

import "strings"

// A pair is a type of Terraform's and the type of Azure that it stands for, with
// what of them must be the same. Names and tags must be so for all.
type pair struct {
	azurerm, arm string
	// key and armKey say what tells resources of the type apart, where it is not
	// their name.
	key, armKey func(map[string]any) string
	properties  []property
}

var pairs = []pair{
	{azurerm: "azurerm_resource_group", arm: "Microsoft.Resources/resourceGroups"},

	{azurerm: "azurerm_virtual_network", arm: "Microsoft.Network/virtualNetworks", properties: same("address_space = properties.addressSpace.addressPrefixes")},
	{azurerm: "azurerm_public_ip", arm: "Microsoft.Network/publicIPAddresses", properties: same("sku = sku.name", "allocation_method = properties.publicIPAllocationMethod", "zones = zones")},
	{azurerm: "azurerm_nat_gateway", arm: "Microsoft.Network/natGateways", properties: same("sku_name = sku.name", "idle_timeout_in_minutes = properties.idleTimeoutInMinutes", "zones = zones")},
	{azurerm: "azurerm_nat_gateway_public_ip_association", arm: "natGateways/publicIpAddresses", key: of("{nat_gateway_id} by {public_ip_address_id}"), armKey: of("{gateway} by {address}")},
	{azurerm: "azurerm_subnet", arm: "Microsoft.Network/virtualNetworks/subnets", properties: same(
		"address_prefixes = properties.addressPrefixes",
		"default_outbound_access_enabled = properties.defaultOutboundAccess",
		"private_endpoint_network_policies = properties.privateEndpointNetworkPolicies",
	)},
	{azurerm: "azurerm_subnet_network_security_group_association", arm: "subnets/networkSecurityGroup", key: of("{subnet_id} with {network_security_group_id}"), armKey: of("{subnet} with {group}")},
	{azurerm: "azurerm_subnet_nat_gateway_association", arm: "subnets/natGateway", key: of("{subnet_id} by {nat_gateway_id}"), armKey: of("{subnet} by {gateway}")},
	{azurerm: "azurerm_network_security_group", arm: "Microsoft.Network/networkSecurityGroups", properties: []property{{"rules", terraformRules, armRules}}},
	{azurerm: "azurerm_private_dns_zone", arm: "Microsoft.Network/privateDnsZones"},
	{azurerm: "azurerm_private_dns_zone_virtual_network_link", arm: "Microsoft.Network/privateDnsZones/virtualNetworkLinks", key: of("of {private_dns_zone_id}"), armKey: of("of {parent}"), properties: same("registration_enabled = properties.registrationEnabled", "virtual_network_id = properties.virtualNetwork.id")},
	{azurerm: "azurerm_private_endpoint", arm: "Microsoft.Network/privateEndpoints", properties: same(
		"subnet_id = properties.subnet.id",
		"private_service_connection.*.private_connection_resource_id = properties.privateLinkServiceConnections.*.properties.privateLinkServiceId",
		"private_service_connection.*.subresource_names = properties.privateLinkServiceConnections.*.properties.groupIds",
		"private_dns_zone_group.*.name = privateDnsZoneGroups/default.name",
		"private_dns_zone_group.0.private_dns_zone_ids = privateDnsZoneGroups/default.properties.privateDnsZoneConfigs.*.properties.privateDnsZoneId",
	)},

	{azurerm: "azurerm_log_analytics_workspace", arm: "Microsoft.OperationalInsights/workspaces", properties: same(
		"sku = properties.sku.name",
		"retention_in_days = properties.retentionInDays",
		"daily_quota_gb = properties.workspaceCapping.dailyQuotaGb",
		"local_authentication_enabled = !properties.features.disableLocalAuth",
		"internet_ingestion_access_type = properties.publicNetworkAccessForIngestion",
		"internet_query_access_type = properties.publicNetworkAccessForQuery",
	)},
	{azurerm: "azurerm_log_analytics_workspace_table", arm: "Microsoft.OperationalInsights/workspaces/tables", properties: same("workspace_id = parent", "plan = properties.plan", "total_retention_in_days = properties.totalRetentionInDays")},
	{azurerm: "azurerm_monitor_workspace", arm: "Microsoft.Monitor/accounts", properties: same("public_network_access_enabled = properties.publicNetworkAccess")},
	{azurerm: "azurerm_monitor_data_collection_endpoint", arm: "Microsoft.Insights/dataCollectionEndpoints", properties: same("kind = kind", "public_network_access_enabled = properties.networkAcls.publicNetworkAccess")},
	{azurerm: "azurerm_monitor_data_collection_rule", arm: "Microsoft.Insights/dataCollectionRules", properties: same(
		"kind = kind",
		"data_collection_endpoint_id = properties.dataCollectionEndpointId",
		"destinations.0.log_analytics.*.workspace_resource_id = properties.destinations.logAnalytics.*.workspaceResourceId",
		"destinations.0.log_analytics.*.name = properties.destinations.logAnalytics.*.name",
		"destinations.0.monitor_account.*.monitor_account_id = properties.destinations.monitoringAccounts.*.accountResourceId",
		"destinations.0.monitor_account.*.name = properties.destinations.monitoringAccounts.*.name",
		"data_flow.0.streams = properties.dataFlows.0.streams",
		"data_flow.0.destinations = properties.dataFlows.0.destinations",
		"data_sources.0.extension.0.extension_name = properties.dataSources.extensions.0.extensionName",
		"data_sources.0.extension.0.streams = properties.dataSources.extensions.0.streams",
		"data_sources.0.prometheus_forwarder.0.streams = properties.dataSources.prometheusForwarder.0.streams",
	)},
	{azurerm: "azurerm_monitor_data_collection_rule_association", arm: "Microsoft.Insights/dataCollectionRuleAssociations", properties: same(
		"target_resource_id = scope", "data_collection_rule_id = properties.dataCollectionRuleId", "data_collection_endpoint_id = properties.dataCollectionEndpointId",
	)},
	{azurerm: "azurerm_monitor_alert_prometheus_rule_group", arm: "Microsoft.AlertsManagement/prometheusRuleGroups", properties: append(same(
		"description = properties.description", "interval = properties.interval", "cluster_name = properties.clusterName",
		"rule_group_enabled = properties.enabled", "scopes = properties.scopes",
	), each("rule", "properties.rules", same(
		"alert = alert", "expression = expression", "for = for", "severity = severity", "enabled = enabled",
		"action.*.action_group_id = actions.*.actionGroupId", "annotations.summary = annotations.summary",
		"alert_resolution.0.auto_resolved = resolveConfiguration.autoResolved",
		"alert_resolution.0.time_to_resolve = resolveConfiguration.timeToResolve",
	)...))},
	{azurerm: "azurerm_monitor_diagnostic_setting", arm: "Microsoft.Insights/diagnosticSettings", key: of("of {target_resource_id}"), armKey: of("of {scope}"), properties: same(
		"log_analytics_workspace_id = properties.workspaceId",
		"log_analytics_destination_type = properties.logAnalyticsDestinationType",
		"enabled_log.*.category_group = properties.logs.*.categoryGroup",
		"enabled_log.*.category = properties.logs.*.category",
		"enabled_metric.*.category = properties.metrics.*.category",
	)},
	{azurerm: "azurerm_dashboard_grafana", arm: "Microsoft.Dashboard/grafana", properties: same(
		"sku = sku.name",
		"grafana_major_version = properties.grafanaMajorVersion",
		"api_key_enabled = properties.apiKey",
		"public_network_access_enabled = properties.publicNetworkAccess",
		"deterministic_outbound_ip_enabled = properties.deterministicOutboundIP",
		"zone_redundancy_enabled = properties.zoneRedundancy",
		"identity.0.type = identity.type",
		"azure_monitor_workspace_integrations.*.resource_id = properties.grafanaIntegrations.azureMonitorWorkspaceIntegrations.*.azureMonitorWorkspaceResourceId",
	)},
	{azurerm: "azurerm_dashboard_grafana_managed_private_endpoint", arm: "Microsoft.Dashboard/grafana/managedPrivateEndpoints", properties: same("grafana_id = parent", "private_link_resource_id = properties.privateLinkResourceId", "group_ids = properties.groupIds", "request_message = properties.requestMessage")},
	{azurerm: "azurerm_monitor_private_link_scope", arm: "Microsoft.Insights/privateLinkScopes", properties: same(
		"ingestion_access_mode = properties.accessModeSettings.ingestionAccessMode",
		"query_access_mode = properties.accessModeSettings.queryAccessMode",
	)},
	{azurerm: "azurerm_monitor_private_link_scoped_service", arm: "Microsoft.Insights/privateLinkScopes/scopedResources", properties: same("scope_name = parentName", "linked_resource_id = properties.linkedResourceId")},
	{azurerm: "azurerm_monitor_action_group", arm: "Microsoft.Insights/actionGroups", properties: same(
		"short_name = properties.groupShortName", "enabled = properties.enabled",
		"email_receiver.*.email_address = properties.emailReceivers.*.emailAddress",
		"email_receiver.*.use_common_alert_schema = properties.emailReceivers.*.useCommonAlertSchema",
	)},
	{azurerm: "azurerm_monitor_metric_alert", arm: "Microsoft.Insights/metricAlerts", properties: same(
		"description = properties.description", "severity = properties.severity", "enabled = properties.enabled",
		"scopes = properties.scopes", "action.*.action_group_id = properties.actions.*.actionGroupId",
		"frequency = properties.evaluationFrequency", "window_size = properties.windowSize",
		"criteria.0.metric_namespace = properties.criteria.allOf.0.metricNamespace",
		"criteria.0.metric_name = properties.criteria.allOf.0.metricName",
		"criteria.0.aggregation = properties.criteria.allOf.0.timeAggregation",
		"criteria.0.operator = properties.criteria.allOf.0.operator",
		"criteria.0.threshold = properties.criteria.allOf.0.threshold",
	)},
	{azurerm: "azurerm_consumption_budget_resource_group", arm: "Microsoft.Consumption/budgets", properties: append(same(
		"amount = properties.amount", "time_grain = properties.timeGrain", "time_period.0.start_date = properties.timePeriod.startDate",
	), property{"notifications", terraformNotifications, armNotifications})},

	{azurerm: "azurerm_user_assigned_identity", arm: "Microsoft.ManagedIdentity/userAssignedIdentities"},
	{azurerm: "azurerm_role_assignment", arm: "Microsoft.Authorization/roleAssignments", key: of("{role_definition_name} on {scope} for {principal_id}"), armKey: of("{role} on {scope} for {properties.principalId}"), properties: same("principal_type = properties.principalType")},
	{azurerm: "azurerm_federated_identity_credential", arm: "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials", key: of("{name} for {user_assigned_identity_id}"), armKey: of("{name} for {parent}"), properties: same("issuer = properties.issuer", "subject = properties.subject", "audience = properties.audiences")},

	{azurerm: "azurerm_container_registry", arm: "Microsoft.ContainerRegistry/registries", properties: same(
		"sku = sku.name",
		"admin_enabled = properties.adminUserEnabled",
		"anonymous_pull_enabled = properties.anonymousPullEnabled",
		"public_network_access_enabled = properties.publicNetworkAccess",
		"network_rule_bypass_option = properties.networkRuleBypassOptions",
		"export_policy_enabled = properties.policies.exportPolicy.status",
		"data_endpoint_enabled = properties.dataEndpointEnabled",
		"zone_redundancy_enabled = properties.zoneRedundancy",
		"retention_policy_in_days = properties.policies.retentionPolicy.days",
	)},

	{azurerm: "azurerm_key_vault", arm: "Microsoft.KeyVault/vaults", properties: append(same(
		"sku_name = properties.sku.name",
		"tenant_id = properties.tenantId",
		"enabled_for_deployment = properties.enabledForDeployment",
		"enabled_for_disk_encryption = properties.enabledForDiskEncryption",
		"enabled_for_template_deployment = properties.enabledForTemplateDeployment",
		"rbac_authorization_enabled = properties.enableRbacAuthorization",
		"purge_protection_enabled = properties.enablePurgeProtection",
		"soft_delete_retention_days = properties.softDeleteRetentionInDays",
		"public_network_access_enabled = properties.publicNetworkAccess",
		"network_acls.0.default_action = properties.networkAcls.defaultAction",
		"network_acls.0.bypass = properties.networkAcls.bypass",
	), always("soft delete", "true", "properties.enableSoftDelete"))},
	{azurerm: "azurerm_eventgrid_system_topic", arm: "Microsoft.EventGrid/systemTopics", properties: same("source_resource_id = properties.source", "topic_type = properties.topicType", "identity.0.type = identity.type")},
	{azurerm: "azurerm_eventgrid_system_topic_event_subscription", arm: "Microsoft.EventGrid/systemTopics/eventSubscriptions", properties: same(
		"system_topic = parentName",
		"storage_queue_endpoint.0.storage_account_id = properties.deliveryWithResourceIdentity.destination.properties.resourceId",
		"included_event_types = properties.filter.includedEventTypes",
		"delivery_identity.0.type = properties.deliveryWithResourceIdentity.identity.type",
		"storage_queue_endpoint.0.queue_name = properties.deliveryWithResourceIdentity.destination.properties.queueName",
		"storage_queue_endpoint.0.queue_message_time_to_live_in_seconds = properties.deliveryWithResourceIdentity.destination.properties.queueMessageTimeToLiveInSeconds",
	)},

	{azurerm: "azurerm_storage_account", arm: "Microsoft.Storage/storageAccounts", properties: same(
		"account_kind = kind",
		"account_tier+account_replication_type = sku.name",
		"min_tls_version = properties.minimumTlsVersion",
		"https_traffic_only_enabled = properties.supportsHttpsTrafficOnly",
		"shared_access_key_enabled = properties.allowSharedKeyAccess",
		"default_to_oauth_authentication = properties.defaultToOAuthAuthentication",
		"allow_nested_items_to_be_public = properties.allowBlobPublicAccess",
		"public_network_access_enabled = properties.publicNetworkAccess",
		"cross_tenant_replication_enabled = properties.allowCrossTenantReplication",
		"local_user_enabled = properties.isLocalUserEnabled",
		"infrastructure_encryption_enabled = properties.encryption.requireInfrastructureEncryption",
		"network_rules.0.default_action = properties.networkAcls.defaultAction",
		"network_rules.0.bypass.0 = properties.networkAcls.bypass",
		"blob_properties.0.versioning_enabled = blobServices/default.properties.isVersioningEnabled",
		"blob_properties.0.change_feed_enabled = blobServices/default.properties.changeFeed.enabled",
		"blob_properties.0.change_feed_retention_in_days = blobServices/default.properties.changeFeed.retentionInDays",
		"blob_properties.0.delete_retention_policy.0.days = blobServices/default.properties.deleteRetentionPolicy.days",
		"blob_properties.0.container_delete_retention_policy.0.days = blobServices/default.properties.containerDeleteRetentionPolicy.days",
		"blob_properties.0.restore_policy.0.days = blobServices/default.properties.restorePolicy.days",
	)},
	{azurerm: "azurerm_storage_container", arm: "Microsoft.Storage/storageAccounts/blobServices/containers", properties: []property{{"public access", reader("container_access_type"), func(b map[string]any) any {
		return map[string]string{"None": "private", "Blob": "blob", "Container": "container"}[plain(follow(b, []string{"properties", "publicAccess"}))]
	}}}},
	{azurerm: "azurerm_storage_queue", arm: "Microsoft.Storage/storageAccounts/queueServices/queues"},
	{azurerm: "azurerm_storage_management_policy", arm: "Microsoft.Storage/storageAccounts/managementPolicies", key: of("of {storage_account_id}"), armKey: of("of {parent}"), properties: same(
		"rule.*.name = properties.policy.rules.*.name", "rule.*.enabled = properties.policy.rules.*.enabled",
		"rule.0.filters.0.blob_types = properties.policy.rules.0.definition.filters.blobTypes",
		"rule.0.actions.0.version.0.change_tier_to_cool_after_days_since_creation = properties.policy.rules.0.definition.actions.version.tierToCool.daysAfterCreationGreaterThan",
		"rule.0.actions.0.version.0.delete_after_days_since_creation = properties.policy.rules.0.definition.actions.version.delete.daysAfterCreationGreaterThan",
	)},

	{azurerm: "azurerm_managed_redis", arm: "Microsoft.Cache/redisEnterprise", properties: append(same(
		"sku_name = sku.name",
		"high_availability_enabled = properties.highAvailability",
		"public_network_access = properties.publicNetworkAccess",
		"default_database.0.access_keys_authentication_enabled = databases/default.properties.accessKeysAuthentication",
		"default_database.0.client_protocol = databases/default.properties.clientProtocol",
		"default_database.0.clustering_policy = databases/default.properties.clusteringPolicy",
		"default_database.0.eviction_policy = databases/default.properties.evictionPolicy",
	),
		always("the oldest TLS", "1.2", "properties.minimumTlsVersion"),
		always("port", "10000", "databases/default.properties.port"),
	)},
	{azurerm: "azurerm_managed_redis_access_policy_assignment", arm: "Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments", key: of("for {object_id}"), armKey: of("for {properties.user.objectId}"), properties: []property{always("access policy", "default", "properties.accessPolicyName")}},

	{azurerm: "azurerm_kubernetes_cluster", arm: "Microsoft.ContainerService/managedClusters", properties: clusterProperties},
	{azurerm: "azurerm_kubernetes_cluster_node_pool", arm: "Microsoft.ContainerService/managedClusters/agentPools", properties: append(poolProperties("", "properties."), same("kubernetes_cluster_id = parent", "mode = properties.mode")...)},

	{azurerm: "azurerm_postgresql_flexible_server", arm: "Microsoft.DBforPostgreSQL/flexibleServers", properties: append(same(
		"version = properties.version",
		"auto_grow_enabled = properties.storage.autoGrow",
		"backup_retention_days = properties.backup.backupRetentionDays",
		"geo_redundant_backup_enabled = properties.backup.geoRedundantBackup",
		"public_network_access_enabled = properties.network.publicNetworkAccess",
		"zone = properties.availabilityZone",
		"authentication.0.active_directory_auth_enabled = properties.authConfig.activeDirectoryAuth",
		"authentication.0.password_auth_enabled = properties.authConfig.passwordAuth",
		"authentication.0.tenant_id = properties.authConfig.tenantId",
		"high_availability.0.standby_availability_zone = properties.highAvailability.standbyAvailabilityZone",
		"identity.0.type = identity.type",
		"maintenance_window.0.day_of_week = properties.maintenanceWindow.dayOfWeek",
		"maintenance_window.0.start_hour = properties.maintenanceWindow.startHour",
	),
		property{"size", func(v map[string]any) any {
			return strings.NewReplacer("B_", "Burstable_", "GP_", "GeneralPurpose_", "MO_", "MemoryOptimized_").Replace(plain(v["sku_name"]))
		}, reader("sku.tier+sku.name")},
		property{"storage in MB", reader("storage_mb"), func(b map[string]any) any {
			gb, _ := follow(b, []string{"properties", "storage", "storageSizeGB"}).(int64)
			return gb * 1024
		}},
		property{"high availability", func(v map[string]any) any {
			if mode := plain(follow(v, []string{"high_availability", "0", "mode"})); mode != "nothing" {
				return mode
			}
			return "Disabled"
		}, reader("properties.highAvailability.mode")},
	)},
	{azurerm: "azurerm_postgresql_flexible_server_active_directory_administrator", arm: "Microsoft.DBforPostgreSQL/flexibleServers/administrators", key: of("{object_id} of {server_name}"), armKey: of("{name} of {parentName}"), properties: same("tenant_id = properties.tenantId", "principal_name = properties.principalName", "principal_type = properties.principalType")},
	{azurerm: "azurerm_postgresql_flexible_server_configuration", arm: "Microsoft.DBforPostgreSQL/flexibleServers/configurations", properties: same("server_id = parent", "value = properties.value")},
	{azurerm: "azurerm_postgresql_flexible_server_database", arm: "Microsoft.DBforPostgreSQL/flexibleServers/databases", properties: same("server_id = parent", "charset = properties.charset", "collation = properties.collation")},
}

// parts are types of Azure that Terraform has within another, where they are compared.
var parts = []string{
	"Microsoft.Cache/redisEnterprise/databases",
	"Microsoft.ContainerService/managedClusters/maintenanceConfigurations",
	"Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
	"Microsoft.Storage/storageAccounts/blobServices",
	"Microsoft.Storage/storageAccounts/queueServices",
}
