# The account that holds the states: docs/infrastructure.md makes it.
resource_group_name  = "rg-davit-states"
storage_account_name = "stdavitstatesd4v1t"
container_name       = "states"
key                  = "staging.tfstate"
