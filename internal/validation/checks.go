package validation

import "slices"

// Checks returns all checks, in the order of reports.
func Checks() []Check {
	return slices.Concat(
		healthProbes(),
		healthInstances(),
		identityVersion(),
		functionalRequests(),
		securityHeaders(),
	)
}
