package validation

import "slices"

// Checks returns all checks, in the order of reports.
func Checks() []Check {
	return slices.Concat(
		healthProbes(),
		healthSystem(),
		healthInstances(),
		identityVersion(),
		identityArtifact(),
		functionalRequests(),
		functionalJourneys(),
		functionalRedirects(),
		functionalProtocol(),
		functionalWeb(),
		securityTLS(),
		securityTransport(),
		securityHeaders(),
		securityCookies(),
		securityTrace(),
		securityExposed(),
		dependenciesReported(),
		dependenciesDirect(),
		performance(),
		runtimeUsage(),
		runtimeUser(),
		runtimeSetup(),
		runtimeStop(),
		observability(),
	)
}
