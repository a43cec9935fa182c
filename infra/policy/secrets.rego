# No secret is in the state or in an output, where every reader of the state
# would find it.
package infra

secretive := `(^|[._])(primary|secondary)_(access_)?key|connection_string|kube_(admin_)?config|access_key|shared_key|password|client_secret|sas_token|certificate_data|private_key`

deny contains {"rule": "secrets", "address": sprintf("%soutput.%s", [within(module), name]), "says": sprintf("a key is in an output (%s)", [ref])} if {
	some module, m in modules
	some name, o in object.get(m, "outputs", {})
	walk(o.expression, [_, x])
	some ref in x.references
	regex.match(secretive, ref)
}

deny contains {"rule": "secrets", "address": sprintf("output.%s", [name]), "says": "a secret is in an output (sensitive)"} if {
	some name, o in input.planned_values.outputs
	o.sensitive
}

# Types whose value is a secret in the state.
deny contains violation("secrets", r, "its value would be in the state: put secrets into the vault by hand, and let pods read them there") if {
	some r in resources
	r.type in {"azurerm_key_vault_secret", "azurerm_key_vault_certificate", "random_password", "tls_private_key", "azurerm_storage_account_sas"}
}

deny contains violation("secrets", r, sprintf("%s would be in the state", [name])) if {
	some r in resources
	some name, value in r.change.after
	regex.match(`(^|_)(password|client_secret)$`, name)
	is_string(value)
}
