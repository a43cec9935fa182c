# Data is encrypted where it lies and where it travels.
package infra

required contains {"type": "azurerm_storage_account", "path": ["min_tls_version"], "want": ["TLS1_2"], "says": "TLS older than 1.2 is taken"}

required contains {"type": "azurerm_storage_account", "path": ["https_traffic_only_enabled"], "want": [true], "says": "requests without TLS are taken"}

required contains {"type": "azurerm_storage_account", "path": ["infrastructure_encryption_enabled"], "want": [true], "says": "infrastructure encryption is off"}

required contains {"type": "azurerm_managed_redis", "path": ["default_database", 0, "client_protocol"], "want": ["Encrypted"], "says": "requests without TLS are taken"}

required contains {"type": "azurerm_kubernetes_cluster", "path": ["default_node_pool", 0, "host_encryption_enabled"], "want": [true], "says": "host encryption is off"}

required contains {"type": "azurerm_kubernetes_cluster_node_pool", "path": ["host_encryption_enabled"], "want": [true], "says": "host encryption is off"}

# PostgreSQL's are parameters of the server.
parameters := {"require_secure_transport": {"on"}, "ssl_min_protocol_version": {"TLSv1.2", "TLSv1.3"}}

deny contains violation("encryption", r, sprintf("TLS older than 1.2 is taken, or none: the parameter %s is not %s", [name, concat(" or ", values)])) if {
	some r in resources
	r.type == "azurerm_postgresql_flexible_server"
	some name, values in parameters
	count({p | some p in resources; p.type == "azurerm_postgresql_flexible_server_configuration"; p.change.after.name == name; p.change.after.value in values}) == 0
}
