package validate

import (
	"slices"
	"testing"

	"github.com/davit-dev/davit/infra/validate/bicep"
)

// lock is what Bicep has for Terraform's prevent_destroy. The two are no pair: one
// is a resource of Azure's, the other a promise of Terraform's to itself.
const lock = "Microsoft.Authorization/locks"

// What Terraform does not destroy, nobody deletes who has deployed Bicep: each is
// locked, or within what is. The resource group is not, for a lock of it would keep
// everything in it, and every role that was given there.
func TestWhatMustNotBeLostIsLocked(t *testing.T) {
	d := deployment(t, "production")
	for _, kind := range []string{
		"Microsoft.ContainerRegistry/registries", "Microsoft.ContainerService/managedClusters", "Microsoft.DBforPostgreSQL/flexibleServers",
		"Microsoft.KeyVault/vaults", "Microsoft.Monitor/accounts", "Microsoft.OperationalInsights/workspaces", "Microsoft.Storage/storageAccounts",
	} {
		i := slices.IndexFunc(d.Resources, func(r *bicep.Instance) bool { return r.Type == kind })
		if i < 0 {
			t.Errorf("no %s is there to be locked", kind)
			continue
		}
		if !slices.ContainsFunc(d.Resources, func(r *bicep.Instance) bool {
			return r.Type == lock && r.Scope == d.Resources[i].ID && plain(follow(r.Body, []string{"properties", "level"})) == "CanNotDelete"
		}) {
			t.Errorf("%s:%d: %s has no lock", d.Resources[i].File, d.Resources[i].At.Line, kind)
		}
	}
}
