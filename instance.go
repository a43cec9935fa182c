package davit

import "time"

// Condition is what an instance is doing.
type Condition string

// The conditions of an instance.
const (
	Starting Condition = "starting" // running or about to, not ready yet or no longer
	Ready    Condition = "ready"    // its readiness probe passes
	Draining Condition = "draining" // leaving: gets no new request, finishes those it has
	Failed   Condition = "failed"   // will not become ready by waiting: Reason says why
)

// Instance is one running copy of one service of one release.
type Instance struct {
	ID        string    `json:"id"`
	Release   ReleaseID `json:"release"`
	Service   string    `json:"service"`
	Address   string    `json:"address,omitempty"` // host:port, for services with traffic
	Condition Condition `json:"condition"`
	Reason    string    `json:"reason,omitempty"` // why it is starting or failed, for people
	Restarts  int       `json:"restarts"`
	StartedAt time.Time `json:"startedAt"`
	Usage     Usage     `json:"usage"`
	// User is the number of the user that it runs as; "" when the platform does
	// not tell.
	User string `json:"user,omitempty"`
	// Artifact is the digest of what it runs, as the platform sees it; "" when it
	// does not tell.
	Artifact string `json:"artifact,omitempty"`
	// Setup is how the platform was told to run it; nil when it does not tell.
	Setup *Setup `json:"setup,omitempty"`
}

// Setup is how a platform was told to run an instance, by whomever.
type Setup struct {
	Image        string    `json:"image,omitempty"` // as it is asked for, with its tag or digest
	Node         string    `json:"node,omitempty"`  // the machine that it is on
	ReadOnlyRoot bool      `json:"readOnlyRoot"`    // it cannot write its root file system
	NonRoot      bool      `json:"nonRoot"`         // it is not started as root
	Unprivileged bool      `json:"unprivileged"`    // it cannot gain privileges that it did not begin with
	Requests     Resources `json:"requests"`        // what is kept free for it
	Limits       Resources `json:"limits"`          // what it may take at most
	Readiness    bool      `json:"readiness"`       // it is asked whether it is ready
	Budgeted     bool      `json:"budgeted"`        // a machine is emptied of it only while others serve
}

// Departure is how an instance ended that was told to.
type Departure struct {
	Signalled time.Time `json:"signalled"` // when it was told, after it was drained
	Ended     time.Time `json:"ended"`
	InTime    bool      `json:"inTime"` // by itself, within its grace period
}

// Usage is what an instance takes of its machine. Zero means not known.
type Usage struct {
	MemoryBytes int64    `json:"memoryBytes"` // resident
	CPU         Duration `json:"cpu"`         // user and system time since its start
	OpenFiles   int      `json:"openFiles"`
}
