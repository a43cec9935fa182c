package live

import (
	"context"
	"time"

	"github.com/davit-dev/davit/internal/analysis"
)

// Source tells cumulative counts of both releases. A further one is a file of
// its own, and a case in newSource.
type Source interface {
	// Read returns the counts as they are now, with one event for each metric.
	// Its error makes the analysis inconclusive until a later reading works.
	Read(ctx context.Context) (analysis.Look, error)
	// Lacks says what it cannot count yet, without which nothing may pass; "" when
	// there is nothing.
	Lacks() string
	// Every is how often to read it when nothing says that there is more.
	Every() time.Duration
	// String names the source, in verdicts.
	String() string
}
