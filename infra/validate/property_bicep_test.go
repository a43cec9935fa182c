package validate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-dev/davit/infra/validate/bicep"
)

// Breaking any of these properties in Bicep fails, with a sentence that names it:
// from the check of its files, from the template, or from the parity with what
// the policies judge.
func TestBrokenPropertiesOfBicepAreNamed(t *testing.T) {
	const registry, storage, cluster = "modules/registry.bicep", "modules/storage.bicep", "modules/cluster.bicep"
	diagnostics := blockOf(t, registry, "\nresource diagnostics ")
	terraform := ofTerraform(t, plan(t, "production"))
	for _, tc := range []struct {
		property string
		edits    []edit
		says     string
	}{
		{
			"public access on",
			[]edit{{storage, "publicNetworkAccess: 'Disabled'", "publicNetworkAccess: 'Enabled'"}},
			"Microsoft.Storage/storageAccounts in storage, stdavitprdweud4v1t: public_network_access_enabled = properties.publicNetworkAccess is false in Terraform (module.storage.azurerm_storage_account.this) and true in Bicep",
		},
		{
			"admin on",
			[]edit{{registry, "adminUserEnabled: false", "adminUserEnabled: true"}},
			"Microsoft.ContainerRegistry/registries in registry, crdavitprdweud4v1t: admin_enabled = properties.adminUserEnabled is false in Terraform (module.registry.azurerm_container_registry.this) and true in Bicep",
		},
		{
			"one zone",
			[]edit{{cluster, "['1', '2', '3']", "['1']"}},
			"default_node_pool.0.zones = properties.agentPoolProfiles.0.availabilityZones is 1 2 3 in Terraform (module.cluster.azurerm_kubernetes_cluster.this) and 1 in Bicep",
		},
		{
			"min above max",
			[]edit{{"production.bicepparam", "min: 3, max: 6", "min: 7, max: 6"}},
			"systemPool: min is above max.",
		},
		{
			"min above max of a user pool, past the template's own check",
			[]edit{{cluster, "maxCount: pool.value.max", "maxCount: pool.value.min - 1"}},
			"Microsoft.ContainerService/managedClusters/agentPools in cluster, general: max_count = properties.maxCount is 12 in Terraform",
		},
		{
			"TLS 1.0",
			[]edit{{storage, "'TLS1_2'", "'TLS1_0'"}},
			"min_tls_version = properties.minimumTlsVersion is TLS1_2 in Terraform (module.storage.azurerm_storage_account.this) and TLS1_0 in Bicep",
		},
		{
			"missing diagnostics",
			[]edit{{registry, diagnostics, ""}, {registry, "\n@description('Workspace that takes logs and metrics.')\nparam workspaceId string\n", ""}, {"main.bicep", "    workspaceId: monitoring.outputs.workspaceId\n    kubeletPrincipalId", "    kubeletPrincipalId"}},
			"Microsoft.Insights/diagnosticSettings in registry, of registries/crdavitprdweud4v1t is declared by Terraform (module.registry.azurerm_monitor_diagnostic_setting.diagnostics) and not by Bicep",
		},
		{
			"wildcard role",
			[]edit{{"shared.bicep", "acrPush: '8311e382-0749-4cb8-b61a-304f252e45ec'", "acrPush: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635'"}},
			"Microsoft.Authorization/roleAssignments in davit, Owner on registries/crdavitprdweud4v1t for principal of userAssignedIdentities/id-davit-production-weu-deploy is declared by Bicep",
		},
		{
			"kubenet",
			[]edit{{cluster, "networkPlugin: 'azure'", "networkPlugin: 'kubenet'"}},
			"network_profile.0.network_plugin = properties.networkProfile.networkPlugin is azure in Terraform (module.cluster.azurerm_kubernetes_cluster.this) and kubenet in Bicep",
		},
		{
			"local accounts on",
			[]edit{{cluster, "disableLocalAccounts: true", "disableLocalAccounts: false"}},
			"local_account_disabled = properties.disableLocalAccounts is true in Terraform (module.cluster.azurerm_kubernetes_cluster.this) and false in Bicep",
		},
		{
			"key in output",
			[]edit{{storage, "output name string = account.name", "output key string = account.listKeys().keys[0].value\n\n@description('Its name.')\noutput name string = account.name"}},
			"a key is in the output key: it comes of listKeys",
		},
	} {
		t.Run(tc.property, func(t *testing.T) {
			if said := saidOfBicep(t, bicepTree(t, tc.edits...), terraform); !strings.Contains(said, tc.says) {
				t.Errorf("broken, and nobody said %q:\n%s", tc.says, said)
			}
		})
	}
}

// saidOfBicep is all that is wrong with the files in a folder for production.
func saidOfBicep(t *testing.T, folder string, terraform declared) string {
	t.Helper()
	program, err := bicep.Load(filepath.Join(folder, "main.bicep"))
	if err != nil {
		return err.Error()
	}
	var said []string
	for _, p := range program.Check() {
		said = append(said, p.Error())
	}
	if len(said) == 0 {
		d, err := deploymentIn(folder, "production")
		if err != nil {
			return err.Error()
		}
		said = compare(terraform, ofBicep(t, d))
	}
	return strings.Join(said, "\n")
}

// bicepTree copies what Bicep reads, edits the copy, and returns its folder.
func bicepTree(t *testing.T, edits ...edit) string {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range []string{"bicep", "alerts"} {
		if err := os.CopyFS(filepath.Join(dir, folder), os.DirFS(filepath.Join(infra, folder))); err != nil {
			t.Fatal(err)
		}
	}
	folder := filepath.Join(dir, "bicep")
	apply(t, folder, edits)
	return folder
}

// blockOf is a declaration of a file of Bicep, from its first words to its end.
func blockOf(t *testing.T, file, from string) string {
	t.Helper()
	_, rest, ok := strings.Cut(read(t, filepath.Join(infra, "bicep", file)), from)
	body, _, ends := strings.Cut(rest, "\n}\n")
	if !ok || !ends {
		t.Fatalf("%s has no %q", file, from)
	}
	return from + body + "\n}\n"
}
