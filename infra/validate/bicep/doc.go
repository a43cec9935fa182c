// Package bicep reads and evaluates the part of the Bicep language that
// infra/bicep is written in, strictly: what it does not know, it refuses.
//
// It is no compiler. It finds what can be found without one: names that lead
// nowhere, what nothing uses, parameters that modules do not take or miss,
// values that are not of the declared type. And it says what a deployment with
// given parameters would ask Azure for, resource by resource, so that others
// can be judged by it: models of the API, or another language's plan.
package bicep
