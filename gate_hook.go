package davit

import (
	"fmt"
	"strings"
	"time"
)

// GateHook is the kind of gate that runs a command of the user's, or posts to an
// address, and passes when that succeeds.
const GateHook = "hook"

// HookParams are the parameters of a hook gate. Exactly one of Run and Post is
// set.
type HookParams struct {
	Hook string   `json:"hook"`          // its name
	Run  []string `json:"run,omitempty"` // program and arguments, run by the server
	Dir  string   `json:"dir,omitempty"` // where Run runs; absolute
	// Post is a URL, or a reference to one that is a secret.
	Post string `json:"post,omitempty"`
	// Key is a reference to the key that signs what is posted.
	Key     string            `json:"key,omitempty"`
	Env     map[string]string `json:"env,omitempty"`
	Secrets map[string]string `json:"secrets,omitempty"` // variable -> reference
	Timeout Duration          `json:"timeout"`           // of one try
	Retries int               `json:"retries,omitempty"` // after the first try
	// Migration says what the hook does to data that both releases use.
	Migration Migration `json:"migration,omitempty"`
}

// Migration is what a hook does to data that two releases share.
type Migration string

// The sorts of migration. After Expand both releases can live with the data;
// after Contract the one before cannot any more.
const (
	Expand   Migration = "expand"
	Contract Migration = "contract"
)

// Bounds of a hook's run.
const (
	HookGrace    = 2 * time.Second  // from SIGTERM to SIGKILL
	HookMaxPause = 30 * time.Second // between two tries
)

// Hook returns a gate that runs a hook.
func Hook(p HookParams) Gate {
	g := gate(GateHook, "hook "+p.Hook, p.says(), 0, p)
	tries := time.Duration(p.Retries + 1)
	g.Limit = Duration(tries*(p.Timeout.D()+HookGrace) + (tries-1)*HookMaxPause)
	g.Contract = p.Migration == Contract
	return g
}

func (p HookParams) says() string {
	what := "runs " + strings.Join(p.Run, " ")
	if p.Post != "" {
		what = "posts to " + p.Post
	}
	says := fmt.Sprintf("%s within %s", what, p.Timeout)
	if p.Retries > 0 {
		says += fmt.Sprintf(", in %d tries", p.Retries+1)
	}
	switch p.Migration {
	case Expand:
		says += " (expands data: both releases can live with it)"
	case Contract:
		says += " (contracts data: no way back after it)"
	}
	return says
}
