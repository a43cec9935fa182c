using 'main.bicep'

// What is yours: unique, owner, costCenter, the groups, alertEmails, budgetStart and githubRepository.
param environment = 'production'
param location = 'westeurope'
param locationCode = 'weu'
param unique = 'd4v1t'
param owner = 'platform'
param costCenter = 'engineering'

param addressSpace = '10.41.0.0/16'

// Three zones, a node in each. The general pool's nodes are about 360 USD a month each.
param systemPool = { vmSize: 'Standard_D4ads_v5', min: 3, max: 6 }
param userPools = {
  general: { vmSize: 'Standard_D8ads_v5', min: 3, max: 12 }
}
param kedaEnabled = true
param vpaEnabled = true

param adminGroupObjectIds = ['00000000-0000-0000-0000-00000000000a']
param databaseAdminGroup = { objectId: '00000000-0000-0000-0000-00000000000b', name: 'davit-database-admins' }

// 6 GB with a replica in another zone.
param redisSku = 'Balanced_B5'

// Receipts and audit outlive the region.
param storageReplication = 'GZRS'

param postgresSku = 'GP_Standard_D4ds_v5'
param postgresStorageMb = 131072
param postgresBackupDays = 35

param logRetentionDays = 90
param logDailyQuotaGb = 10

param alertEmails = ['platform@example.org']
param budgetAmount = 5000
// The month in which the environment is made.
param budgetStart = '2026-12-01T00:00:00Z'

param githubRepository = 'davit-dev/davit'
