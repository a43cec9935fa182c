package bicep

import (
	"os"
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

// given is a parameter that is another than a file of parameters has.
type given struct{ environment, parameter, value string }

// refused are the parameters that are wrong, by what is said of them.
func refused() map[string]given {
	return map[string]given{
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
		"workload is lower-case letters and digits":                                    {"staging", "workload", "'2davit'"},
		"locationCode is lower-case letters.":                                          {"staging", "locationCode", "'WEU'"},
		"unique is lower-case letters and digits.":                                     {"staging", "unique", "'d4-v'"},
		"owner is missing":                                                        {"staging", "owner", "' '"},
		"costCenter is missing":                                                   {"staging", "costCenter", "' '"},
		"addressSpace is an IPv4 /16.":                                            {"staging", "addressSpace", "'10.40.0.0/24'"},
		"podCidr overlaps neither addressSpace nor 172.30.0.0/16":                 {"staging", "podCidr", "'172.30.0.0/16'"},
		"podCidr overlaps neither addressSpace nor":                               {"staging", "podCidr", "'10.32.0.0/12'"},
		"podCidr overlaps neither":                                                {"staging", "podCidr", "'10.40.128.0/20'"},
		"serviceCidr overlaps neither addressSpace, nor podCidr, nor":             {"staging", "serviceCidr", "'10.244.128.0/20'"},
		"serviceCidr overlaps neither addressSpace, nor podCidr":                  {"staging", "serviceCidr", "'172.16.0.0/12'"},
		"serviceCidr overlaps neither":                                            {"staging", "serviceCidr", "'10.40.0.0/24'"},
		"::/32 is not of IPv4":                                                    {"staging", "operatorRanges", "['::/32']"},
		"none of them is everybody":                                               {"staging", "operatorRanges", "['1.2.3.4/0']"},
		"and apiServerAuthorizedRanges: none of them is everybody":                {"staging", "apiServerAuthorizedRanges", "['0.0.0.0/0']"},
		"kubernetesVersion has a length of 6, above 4":                            {"staging", "kubernetesVersion", "'1.35.2'"},
		"kubernetesVersion is a minor version, such as 1.35.":                     {"staging", "kubernetesVersion", "'1.3x'"},
		"kubernetesVersion is a minor version, such as 1.35: the upgrade channel": {"staging", "kubernetesVersion", "'2.35'"},
		"userPools: names are at most 12 long, and not system.":                   {"staging", "userPools", "{ system: { vmSize: 's', min: 1, max: 4 } }"},
		"userPools: names are at most 12 long":                                    {"staging", "userPools", "{ abcdefghijklm: { vmSize: 's', min: 1, max: 4 } }"},
		"userPools: Big is not lower-case letters and digits":                     {"staging", "userPools", "{ Big: { vmSize: 's', min: 1, max: 4 } }"},
		"admins is no UUID.":                                                      {"staging", "adminGroupObjectIds", "['admins']"},
		"0000000A is no UUID in lower case.":                                      {"staging", "databaseAdminGroup", "{ objectId: '00000000-0000-0000-0000-00000000000A', name: 'admins' }"},
		"00000000-0000-0000-0000 is no UUID.":                                     {"staging", "databaseAdminGroup", "{ objectId: '00000000-0000-0000-0000', name: 'admins' }"},
		"databaseAdminGroup has a UUID and a name.":                               {"staging", "databaseAdminGroup", "{ objectId: '00000000-0000-0000-0000-00000000000b', name: '' }"},
		"redisSku is one of Azure Managed Redis":                                  {"staging", "redisSku", "'Premium'"},
		"redisSku is one of Azure Managed Redis, such as Balanced_B5.":            {"staging", "redisSku", "'Balanced_B'"},
		"postgresSku is tier and size":                                            {"staging", "postgresSku", "'Standard_D2ds_v5'"},
		"postgresSku is tier and size, such as GP_Standard_D4ds_v5.":              {"staging", "postgresSku", "'GP_Standard_D2ds v5'"},
		"postgresHighAvailability must be false: a burstable":                     {"production", "postgresSku", "'B_Standard_B2s'"},
		"postgresStorageMb is 40000, and must be one of":                          {"staging", "postgresStorageMb", "40000"},
		"logDailyQuotaGb is a value of 0, below 1":                                {"staging", "logDailyQuotaGb", "0"},
		"alertEmails: platform@example@org is no address.":                        {"staging", "alertEmails", "['platform@example@org']"},
		"alertEmails: @example.org is no address.":                                {"staging", "alertEmails", "['@example.org']"},
		"budgetAmount is a value of 0, below 1":                                   {"staging", "budgetAmount", "0"},
		"budgetStart is the first of a month: 2026-12-01T00:00:00Z.":              {"staging", "budgetStart", "'2026-12-15T00:00:00Z'"},
		"budgetStart is the first of a month.":                                    {"staging", "budgetStart", "'20xx-12-01T00:00:00Z'"},
		"githubRepository is owner/name.":                                         {"staging", "githubRepository", "'https://github.com/example/shop'"},
		"githubRepository is owner/name: the owner":                               {"staging", "githubRepository", "'-example/shop'"},
		"githubRepository is owner/name: the name":                                {"staging", "githubRepository", "'example/'"},
		"namespace is a DNS label.":                                               {"staging", "namespace", "'my_davit'"},
		"namespace is a DNS label":                                                {"staging", "namespace", "'davit-'"},
	}
}

// What is wrong the template refuses, with a sentence that names it.
func TestInfraRefuses(t *testing.T) {
	program := infra(t)
	for want, given := range refused() {
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

// Whatever a variable of Terraform refuses, the parameter of Bicep does, for as
// many reasons: each is shown above.
func TestInfraRefusesWhatTerraformDoes(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "terraform", "variables.tf"))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]int{}
	for _, given := range refused() {
		shown[given.parameter]++
	}
	total := 0
	for _, block := range strings.Split("\n"+string(data), "\nvariable \"")[1:] {
		name, body, _ := strings.Cut(block, "\"")
		validations := strings.Count(body, "\n  validation {\n")
		total += validations
		words := strings.Split(name, "_")
		for i, word := range words[1:] {
			words[i+1] = strings.ToUpper(word[:1]) + word[1:]
		}
		if parameter := strings.Join(words, ""); shown[parameter] < validations {
			t.Errorf("Terraform has %d validations of %s, and Bicep is shown to refuse %s %d times", validations, name, parameter, shown[parameter])
		}
	}
	if total < 30 {
		t.Errorf("%d validations were found", total)
	}
}
