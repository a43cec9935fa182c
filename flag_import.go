package davit

import "maps"

// FlagImport asks for flags to be taken over from elsewhere, in one environment:
// all of them, or none.
type FlagImport struct {
	Application, Environment string
	Flags                    []Flag    // each of another key; what they say about other environments is passed over
	Segments                 []Segment // that they name
	Actor                    string
	Comment                  string // why
	// Scope, unless it is nil, is the key that the import is made with. It changes
	// no more than the settings of its environment.
	Scope *AccessKey
	// Match, unless it is nil, is the number of the last change of the application's flags
	// and segments that the import knows of.
	Match *int64
	// Propose makes a proposal of an import that needs approval, in place of refusing
	// it.
	Propose bool
	// DryRun changes nothing.
	DryRun bool
}

// TakeOver returns the flag as another definition of it says, in one environment.
// What the flag says about other environments stays, and client keys go on seeing
// it.
func (f Flag) TakeOver(from Flag, environment string) Flag {
	environments := maps.Clone(f.Environments)
	if environments == nil {
		environments = map[string]FlagSettings{}
	}
	delete(environments, environment)
	if settings, there := from.Environments[environment]; there {
		environments[environment] = settings
	}
	from.Environments = environments
	from.ClientSide = from.ClientSide || f.ClientSide
	return from
}
