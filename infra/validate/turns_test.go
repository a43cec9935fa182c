package validate

import (
	"strings"
	"testing"
)

// What Azure refuses to have done at once is found when nothing says that one
// waits for the other.
func TestEveryTurnIsWaitedFor(t *testing.T) {
	for _, tc := range []struct{ module, kind, name, address, says string }{
		{
			"monitoring", "azurerm_monitor_private_link_scoped_service", "collection",
			"azurerm_monitor_private_link_scoped_service.collection", "it is made while azurerm_monitor_private_link_scoped_service.workspace is",
		},
		{
			"davit", "azurerm_private_endpoint", "endpoint",
			"azurerm_postgresql_flexible_server_database.database", "it is made while azurerm_private_endpoint.endpoint is",
		},
		{
			"davit", "azurerm_postgresql_flexible_server_active_directory_administrator", "admin",
			"azurerm_postgresql_flexible_server_active_directory_administrator.admin", "it is made while azurerm_postgresql_flexible_server_configuration.setting is",
		},
		{
			"redis", "azurerm_private_endpoint", "endpoint",
			"azurerm_managed_redis_access_policy_assignment.access", "it is made while azurerm_private_endpoint.endpoint is",
		},
	} {
		t.Run(tc.kind+"."+tc.name, func(t *testing.T) {
			document := plan(t, "production").document(t)
			delete(configured(t, document, tc.module, tc.kind, tc.name), "depends_on")
			expect(t, judge(t, document), "module."+tc.module+"."+tc.address, tc.says)
		})
	}
}

// A resource that for_each makes several of is made at once, whatever it waits for.
func TestTurnsAreNotMadeByForEach(t *testing.T) {
	document := plan(t, "production").document(t)
	const kind = "azurerm_monitor_private_link_scoped_service"
	configured(t, document, "monitoring", kind, "workspace")["for_each_expression"] = map[string]any{}
	expect(t, judge(t, document), "module.monitoring."+kind+".workspace", "for_each makes several of it at once")
}

// configured is a resource of a module as the plan's configuration has it.
func configured(t *testing.T, document map[string]any, module, kind, name string) map[string]any {
	t.Helper()
	path := strings.Split("configuration.root_module.module_calls."+module+".module.resources", ".")
	for _, r := range list(follow(document, path)) {
		if r := object(r); r["type"] == kind && r["name"] == name {
			return r
		}
	}
	t.Fatalf("the module %s has no %s.%s", module, kind, name)
	return nil
}
