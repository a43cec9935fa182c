package api

import "github.com/davit-dev/davit"

// Adoption asks for an application that runs on the platform already to become a
// release.
type Adoption struct {
	Deployment
	Plan bool `json:"plan,omitempty" doc:"only tell what would be done"`
}

// Adopted is what adopting does, or did.
type Adopted struct {
	Steps   []string        `json:"steps" doc:"what is done, in this order; empty when the environment is Davit's already"`
	Notes   []string        `json:"notes,omitempty" doc:"what stays, and is to be looked after by people"`
	Release davit.ReleaseID `json:"release" doc:"what is to serve, or serves"`
}
