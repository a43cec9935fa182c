package bicep

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// infra is what this package is for.
func infra(t *testing.T) *Program {
	t.Helper()
	program, err := Load(filepath.Join("..", "..", "bicep", "main.bicep"))
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func parameters(t *testing.T, environment string) *File {
	t.Helper()
	file, err := ParseFile(filepath.Join("..", "..", "bicep", environment+".bicepparam"))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestInfra(t *testing.T) {
	program := infra(t)
	if len(program.Files()) != 12 {
		t.Errorf("%d files", len(program.Files()))
	}
	for _, p := range program.Check() {
		t.Error(p)
	}
	for _, environment := range []string{"staging", "production"} {
		file := parameters(t, environment)
		for _, p := range program.CheckParameters(file) {
			t.Error(p)
		}
		d, err := program.Evaluate(file)
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range d.Outputs {
			if _, ok := v.([]any); ok || v == nil {
				t.Errorf("%s: the output %s is %v", environment, name, v)
			}
		}
	}
}

// What one parameter cannot say of itself the template refuses, with a sentence
// that names it.
func TestInfraRefuses(t *testing.T) {
	program := infra(t)
	for want, given := range map[string]struct{ environment, parameter, value string }{
		"systemPool: min is below 3, one node for each zone.":                          {"staging", "systemPool", "{ vmSize: 's', min: 2, max: 5 }"},
		"systemPool: min is above max.":                                                {"staging", "systemPool", "{ vmSize: 's', min: 9, max: 6 }"},
		"systemPool.max is a value of 101, above 100":                                  {"staging", "systemPool", "{ vmSize: 's', min: 3, max: 101 }"},
		"userPools: there is at least one.":                                            {"staging", "userPools", "{}"},
		"userPools: min is above max.":                                                 {"staging", "userPools", "{ general: { vmSize: 's', min: 5, max: 4 } }"},
		"userPools.general.min is a value of 0, below 1":                               {"staging", "userPools", "{ general: { vmSize: 's', min: 0, max: 4 } }"},
		"userPools: in production min is at least 3, one node for each zone.":          {"production", "userPools", "{ general: { vmSize: 's', min: 2, max: 4 } }"},
		"operatorRanges, clientRanges and apiServerAuthorizedRanges: none of them is":  {"staging", "clientRanges", "['0.0.0.0/0']"},
		"apiServerAuthorizedRanges must be empty: production's API server is private.": {"production", "apiServerAuthorizedRanges", "['192.0.2.0/24']"},
		"redisHighAvailability must be true: production's Redis is highly available.":  {"production", "redisHighAvailability", "false"},
		"postgresHighAvailability must be true: production's PostgreSQL":               {"production", "postgresHighAvailability", "false"},
		"postgresHighAvailability must be false: a burstable PostgreSQL":               {"staging", "postgresHighAvailability", "true"},
		"postgresBackupDays is a value of 36, above 35":                                {"staging", "postgresBackupDays", "36"},
		"logRetentionDays is a value of 7, below 30":                                   {"staging", "logRetentionDays", "7"},
		"environment is test, and must be one of staging, production":                  {"staging", "environment", "'test'"},
		"storageReplication is LRS, and must be one of ZRS, GZRS":                      {"staging", "storageReplication", "'LRS'"},
		"workload has a length of 9, above 8":                                          {"staging", "workload", "'workloads'"},
		"unique has a length of 2, below 3":                                            {"staging", "unique", "'ab'"},
		"owner has a length of 0, below 1":                                             {"staging", "owner", "''"},
		"alertEmails has a length of 0, below 1":                                       {"staging", "alertEmails", "[]"},
		"adminGroupObjectIds has a length of 0, below 1":                               {"staging", "adminGroupObjectIds", "[]"},
	} {
		t.Run(want, func(t *testing.T) {
			file := parameters(t, given.environment)
			other, err := Parse("other.bicepparam", "using 'main.bicep'\nparam "+given.parameter+" = "+given.value)
			if err != nil {
				t.Fatal(err)
			}
			file.Assignments = slices.DeleteFunc(file.Assignments, func(a *Assignment) bool { return a.Name == given.parameter })
			file.Assignments = append(file.Assignments, other.Assignments...)
			if _, err := program.Evaluate(file); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
