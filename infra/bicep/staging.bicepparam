using 'main.bicep'

// What is yours: unique, owner, costCenter, the groups, alertEmails, budgetStart and githubRepository.
param environment = 'staging'
param location = 'westeurope'
param locationCode = 'weu'
param unique = 'd4v1t'
param owner = 'platform'
param costCenter = 'engineering'

param addressSpace = '10.40.0.0/16'

// Nodes are the greatest part of the bill. A node of the size below is about 180 USD a month.
param systemPool = { vmSize: 'Standard_D4ads_v5', min: 3, max: 5 }
param userPools = {
  general: { vmSize: 'Standard_D4ads_v5', min: 1, max: 4 }
}

param adminGroupObjectIds = ['00000000-0000-0000-0000-00000000000a']
param databaseAdminGroup = { objectId: '00000000-0000-0000-0000-00000000000b', name: 'davit-database-admins' }

// The smallest Redis, alone: it is a cache of flags here, and may be gone for a while.
param redisSku = 'Balanced_B0'
param redisHighAvailability = false

param postgresSku = 'B_Standard_B2s'
param postgresHighAvailability = false
param postgresBackupDays = 7

param logDailyQuotaGb = 1

param alertEmails = ['platform@example.org']
param budgetAmount = 1500
// The month in which the environment is made.
param budgetStart = '2026-12-01T00:00:00Z'

param githubRepository = 'davit-dev/davit'
