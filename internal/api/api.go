// Package api holds what travels between a Davit server and its clients, where
// it is not a domain type or a request of the engine already.
package api

import "github.com/davit-dev/davit"

// MaxBodyBytes bounds the body of a request.
const MaxBodyBytes = 8 << 20

// Deployment asks for a release to be planned or rolled out. The configuration
// is resolved by the client, so that the server reads no file of the asker's.
type Deployment struct {
	Platform string              `json:"platform" minLength:"1" maxLength:"63" doc:"what the environment runs on, such as \"process\""`
	Site     davit.Site          `json:"site,omitzero" doc:"where on the platform the environment is"`
	Version  string              `json:"version" minLength:"1" maxLength:"128" pattern:"^[A-Za-z0-9][A-Za-z0-9._+-]*$" doc:"version to roll out"`
	Config   davit.ReleaseConfig `json:"config" doc:"resolved configuration that the release pins"`
	Policy   davit.Policy        `json:"policy" doc:"how the environment wants to be deployed to"`
	Reason   string              `json:"reason,omitempty" maxLength:"1000" doc:"recorded in the audit log"`
	Queue    bool                `json:"queue,omitempty" doc:"wait for the rollout under way, or a freeze, instead of being refused"`
	// OverrideFreeze needs a reason.
	OverrideFreeze bool `json:"overrideFreeze,omitempty" doc:"deploy though the environment is frozen; needs a reason"`
}

// Rollback asks for an earlier release.
type Rollback struct {
	To     string `json:"to,omitempty" maxLength:"160" pattern:"^[A-Za-z0-9._+-]*$" doc:"version or release ID; the release before when empty"`
	Force  bool   `json:"force,omitempty" doc:"go back past a step that contracted data"`
	Reason string `json:"reason" minLength:"1" maxLength:"1000" doc:"recorded in the audit log"`
}

// Down asks for an environment to run nothing any more.
type Down struct {
	Reason string `json:"reason" minLength:"1" maxLength:"1000" doc:"recorded in the audit log"`
}

// Command is an operator's word to the rollout under way or, to abort it, to a
// queued one.
type Command struct {
	Kind    string `json:"kind" enum:"abort,pause,resume,promote,abandon,approve,reject" doc:"what to do with the rollout"`
	Rollout string `json:"rollout,omitempty" maxLength:"64" pattern:"^[A-Za-z0-9._-]*$" doc:"ID of the rollout that is meant; the one under way when empty"`
	Stage   *int   `json:"stage,omitempty" minimum:"0" doc:"index of the stage that approve and reject answer; one that is passed is refused. The present one when absent"`
	Force   bool   `json:"force,omitempty" doc:"of abort and reject: go back past a step that contracted data; of promote: though the rollout is blocked"`
	Reason  string `json:"reason,omitempty" maxLength:"1000" doc:"recorded in the audit log; abort, abandon and reject need one"`
}

// EnvironmentList is all environments that a server knows.
type EnvironmentList struct {
	Environments []*davit.Environment `json:"environments"`
}

// RolloutList is the rollouts of an environment, newest first.
type RolloutList struct {
	Rollouts []*davit.Rollout `json:"rollouts"`
}

// AuditList is a part of the audit log, oldest first.
type AuditList struct {
	Entries []davit.AuditEntry `json:"entries"`
}

// Version says which server answers.
type Version struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// LogLine is one line that an instance wrote.
type LogLine struct {
	Instance string          `json:"instance"`
	Release  davit.ReleaseID `json:"release"`
	Service  string          `json:"service"`
	Text     string          `json:"text"`
}

// LogQuery chooses lines of the logs of an environment's instances. Empty
// fields choose all.
type LogQuery struct {
	Application string
	Environment string
	Service     string
	Release     string // version or release ID
	Tail        int    // lines from the end of each log; negative: all
	Follow      bool   // go on until the context ends
}

// LogEnd is the last line of a log stream that could not be finished. A line
// that is neither this nor a LogLine does not occur.
type LogEnd struct {
	Error *Problem `json:"error"`
}
