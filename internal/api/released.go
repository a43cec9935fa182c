package api

// Released is a release that was made and tagged in a repository, for the
// audit log.
type Released struct {
	Application string `json:"application,omitempty" maxLength:"63" pattern:"^[a-z0-9-]*$" doc:"that the repository's davit.yaml describes"`
	Repository  string `json:"repository" maxLength:"1024" doc:"address of the remote, without credentials"`
	Package     string `json:"package,omitempty" maxLength:"255" doc:"of a repository with several"`
	Version     string `json:"version" minLength:"5" maxLength:"255" doc:"by SemVer, without a prefix"`
	Tag         string `json:"tag" minLength:"5" maxLength:"512" doc:"in git"`
	Commit      string `json:"commit" maxLength:"64" pattern:"^[0-9a-f]{40,64}$" doc:"that the tag is on"`
	Digest      string `json:"digest" minLength:"1" maxLength:"255" doc:"of the released content"`
	Notes       string `json:"notes" maxLength:"1048576" doc:"in Markdown"`
	Page        string `json:"page,omitempty" maxLength:"2048" doc:"of the release on its forge"`
}

// Recorded says what became of a Released.
type Recorded struct {
	// Added is false when the log had the release already.
	Added bool `json:"added"`
}
