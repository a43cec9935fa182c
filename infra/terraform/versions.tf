terraform {
  required_version = ">= 1.11"
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }

  # One state for each environment: terraform init -backend-config=backend/staging.hcl.
  # A lease on the blob is the lock; Entra ID opens it, and no key does.
  backend "azurerm" {
    use_azuread_auth = true
  }
}

provider "azurerm" {
  # Data of storage accounts is read with Entra ID: keys are off.
  storage_use_azuread = true

  # Which provider namespaces a subscription has is not decided by a plan:
  # docs/infrastructure.md registers those that are needed.
  resource_provider_registrations = "none"

  features {
    key_vault {
      purge_soft_delete_on_destroy    = false
      recover_soft_deleted_key_vaults = true
    }
    resource_group {
      prevent_deletion_if_contains_resources = true
    }
  }
}
