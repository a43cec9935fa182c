package davit

import "errors"

// ErrStale is what a store's Commit returns (wrapped) when a rollout or
// environment in the change does not follow the stored revision: another
// driver went on.
var ErrStale = errors.New("the record was changed by another driver")

// Change is written by a store in one transaction: all of it or nothing.
type Change struct {
	Releases     []*Release // kept as they are when the ID is known already
	Rollouts     []*Rollout // Revision must be the stored one plus 1; 1 for a new one
	Environments []*Environment
	Events       []Event      // Seq is set by the store, in place
	Audit        []AuditEntry // Index is set by the store, in place
}
