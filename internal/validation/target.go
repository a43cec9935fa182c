package validation

import (
	"context"
	"net/http"

	"github.com/davit-dev/davit"
)

// Target is what is validated. A URL alone is enough; what is not known is nil
// or zero, and the checks that need it are skipped.
type Target struct {
	// URL is where users come in: scheme, host, port, and a path if everything
	// is below one.
	URL string
	// Host is the name that requests to URL ask for, when it is another than
	// the one in URL.
	Host string
	// Header is sent with every request to URL.
	Header http.Header
	// Managed says that URL is Davit's own front door: when it cannot be
	// reached, that says nothing about the application.
	Managed bool

	Environment string
	Version     string          // that should answer
	Release     *davit.Release  // that should answer
	Stable      davit.ReleaseID // that it is compared with
	// Shared says that Release is not alone at URL: another one answers there
	// too, those who do not choose by Header.
	Shared bool

	// Instances lists the instances of all releases.
	Instances func(context.Context) ([]davit.Instance, error)
	// Carry returns what carries requests to an instance that may listen where nobody
	// here can dial it; nil when instances are dialled. An error of it that is a
	// *davit.Error says nothing about the instance. An instance that speaks HTTP/2
	// without TLS is dialled all the same.
	Carry func(davit.Instance) http.RoundTripper
	// Logs calls each with the lines that the instances of Release write from now
	// on, until the context ends or each returns false.
	Logs func(ctx context.Context, each func(line string) bool) error
	// Replace ends an instance as a rollout would, drained and with SIGTERM, and
	// has another take its place. It returns when the old one has ended.
	Replace func(ctx context.Context, instance string) (davit.Departure, error)
}
