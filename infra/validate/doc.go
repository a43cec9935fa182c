// Package validate holds infra/ to what it promises, without Azure: the real
// Terraform with the real azurerm provider plans both environments against a
// stand-in for Azure's sign-in, and policies judge the plans. Bicep is evaluated
// by package bicep, held to the API by package arm, and compared with the plans.
// All of it is tests: make test-infra builds the tools and runs them.
package validate
