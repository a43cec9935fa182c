package engine

import "github.com/davit-dev/davit"

// DeployRequest asks for a release to be rolled out. It carries the resolved
// configuration, so that the engine reads no file of the asker's.
type DeployRequest struct {
	Application string              `json:"application"`
	Environment string              `json:"environment"`
	Platform    string              `json:"platform"`
	Site        davit.Site          `json:"site,omitzero"`
	Version     string              `json:"version"`
	Config      davit.ReleaseConfig `json:"config"`
	Policy      davit.Policy        `json:"policy"`
	Actor       string              `json:"actor"`
	Reason      string              `json:"reason,omitempty"`
	// Queue waits for the rollout under way instead of being refused.
	Queue bool `json:"queue,omitempty"`
	// OverrideFreeze deploys though the environment is frozen; Reason says why.
	OverrideFreeze bool `json:"overrideFreeze,omitempty"`
}

// check refuses a request that names nothing: a record without a name could
// neither be found nor taken down again.
func (r DeployRequest) check() error {
	for what, name := range map[string]string{
		"application": r.Application, "environment": r.Environment, "version": r.Version, "platform": r.Platform,
	} {
		if name == "" {
			return &davit.Error{Code: davit.CodeInvalid, Message: "the deployment names no " + what}
		}
	}
	if len(r.Config.Services) == 0 {
		return &davit.Error{Code: davit.CodeInvalid, Message: r.Application + " " + r.Version + " has no service"}
	}
	return nil
}

// Proposal is what a deploy request would do, or began to do.
type Proposal struct {
	Rollout *davit.Rollout `json:"rollout"` // not stored when it is only a plan
	Release *davit.Release `json:"release"`
	// Notes are things to know, such as the same version having been deployed
	// with another configuration before.
	Notes []string `json:"notes,omitempty"`
}

// CommandKind is what an operator asks of a rollout under way.
type CommandKind string

// The commands.
const (
	CommandAbort   CommandKind = "abort"   // haul back
	CommandPause   CommandKind = "pause"   // stay in the present stage; gates still can haul back
	CommandResume  CommandKind = "resume"  // end a pause
	CommandPromote CommandKind = "promote" // skip the remaining bake of the present stage
	CommandAbandon CommandKind = "abandon" // give up hauling back, and leave everything as it stands
	CommandApprove CommandKind = "approve" // say yes to a stage that waits for it
	CommandReject  CommandKind = "reject"  // say no to it: haul back
)

// Command is an operator's word to the rollout of an environment: the one under
// way, or, for abort, the queued one that Rollout names.
type Command struct {
	Application string      `json:"application"`
	Environment string      `json:"environment"`
	Rollout     string      `json:"rollout,omitempty"`
	Kind        CommandKind `json:"kind"`
	// Stage is the index of the stage that is meant, of approve and reject: a
	// word to one is not taken for the next. Nil is the present one.
	Stage *int `json:"stage,omitempty"`
	// Force goes back past a step that contracted data.
	Force  bool   `json:"force,omitempty"`
	Actor  string `json:"actor"`
	Reason string `json:"reason,omitempty"`
}

// RollbackRequest asks for an earlier release. While a rollout runs or
// watches, going back is hauling it back; afterwards it is a rollout of its
// own to the release that served before, or to the one of version To.
type RollbackRequest struct {
	Application string `json:"application"`
	Environment string `json:"environment"`
	To          string `json:"to,omitempty"`    // version or release ID
	Force       bool   `json:"force,omitempty"` // past a step that contracted data
	Actor       string `json:"actor"`
	Reason      string `json:"reason"`
}

// DownRequest asks for an environment to run nothing any more.
type DownRequest struct {
	Application string `json:"application"`
	Environment string `json:"environment"`
	Actor       string `json:"actor"`
	Reason      string `json:"reason"`
}

// Status is how an environment is, as seen, not as recorded.
type Status struct {
	Environment davit.Environment `json:"environment"`
	Rollout     *davit.Rollout    `json:"rollout,omitempty"` // under way, or the last one
	Releases    []*davit.Release  `json:"releases"`          // those that run
	Instances   []davit.Instance  `json:"instances"`
	Split       davit.Split       `json:"split"` // in effect, as the router says
	Figures     davit.Figures     `json:"figures"`
	// Troubles say what could not be seen, and why.
	Troubles []string `json:"troubles,omitempty"`
}
