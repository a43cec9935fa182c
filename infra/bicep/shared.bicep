// What the modules share: types, and the built-in roles by their names.

@export()
@description('What all resources of an environment share.')
type siteType = {
  @description('<workload>-<environment>-<location code>, the middle of most names.')
  name: string

  @description('The same for services that take no hyphens and want it unique in the world.')
  @minLength(5)
  @maxLength(20)
  compact: string

  @description('What makes names unique in the world.')
  unique: string

  @description('Azure region.')
  location: string

  @description('Tags of everything that takes them.')
  tags: { *: string }
}

@export()
@description('A pool of nodes that the autoscaler keeps between two bounds.')
type poolType = {
  @description('Size of a node. It has a local disk of 128 GB or more, which the system lives on.')
  vmSize: string

  @description('Fewest nodes.')
  @minValue(1)
  min: int

  @description('Most nodes.')
  @maxValue(100)
  max: int
}

@export()
@description('An Entra ID group.')
type groupType = {
  @description('Object id.')
  objectId: string

  @description('Display name.')
  name: string
}

@export()
@description('Built-in roles. None of them is more than its work takes.')
var roles = {
  acrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d'
  acrPush: '8311e382-0749-4cb8-b61a-304f252e45ec'
  clusterAdmin: 'b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b'
  clusterUser: '4abbcc35-e782-43d8-92c5-2d3f1bd2253f'
  grafanaAdmin: '22926164-76b3-42b3-bc55-97df8dab3e41'
  identityOperator: 'f1a07417-d97a-45cb-824c-7a7467783830'
  metricsReader: 'b0d8363b-8ddd-447d-831f-62ca05bff136'
  networkContributor: '4d97b98b-1d4f-4787-a291-c67834d212e7'
  privateZoneContributor: 'b12aa53e-6015-4669-85d0-8515ebb3ae7f'
  queueSender: 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
  blobContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  vaultReader: '4633458b-17de-408a-b874-0445c86b69e6'
}
