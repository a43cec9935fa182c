package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/davit-dev/davit"
)

// proposalsKept is how long proposals are kept after their end. What came of them is
// in the audit log for good.
const proposalsKept = 30 * 24 * time.Hour

// FlagProtections lists the protections of an application by environment, of those
// that were removed too.
func (s *Store) FlagProtections(ctx context.Context, application string) ([]*davit.FlagProtection, error) {
	list, err := queryDocs[*davit.FlagProtection](ctx, s.read,
		"SELECT doc FROM flag_protections WHERE application = ? ORDER BY environment", application)
	return list, s.readError(err)
}

// FlagProposal returns a proposal.
func (s *Store) FlagProposal(ctx context.Context, application, id string) (*davit.FlagProposal, error) {
	p, err := queryDoc[davit.FlagProposal](ctx, s.read, "SELECT doc FROM flag_proposals WHERE id = ? AND application = ?", id, application)
	return p, s.readError(notFound(err, "proposal %s in %s", id, application))
}

// FlagProposals lists the proposals of an application, newest first, limit at most,
// without the flags and segments, which may be long; those that have ended only when
// ended is true, and those that are older than a given one unless it is empty.
func (s *Store) FlagProposals(ctx context.Context, application string, ended bool, after string, limit int) ([]*davit.FlagProposal, error) {
	list, err := queryDocs[*davit.FlagProposal](ctx, s.read, `SELECT json_remove(doc, '$.flags', '$.segments') FROM flag_proposals
		WHERE application = ?1 AND (?2 OR wakes > 0) AND (?3 = '' OR number < (SELECT number FROM flag_proposals WHERE id = ?3))
		ORDER BY number DESC LIMIT ?4`, application, ended, after, max(limit, 0))
	return list, s.readError(err)
}

// NextFlagProposal returns the proposal that something is to be done about first; nil
// when there is none.
func (s *Store) NextFlagProposal(ctx context.Context) (*davit.FlagProposal, error) {
	p, err := queryDoc[davit.FlagProposal](ctx, s.read, "SELECT doc FROM flag_proposals WHERE wakes > 0 ORDER BY wakes, number LIMIT 1")
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return p, s.readError(err)
}

// protection writes a protection, unless it does not follow the stored one.
func (w *writer) protection(ctx context.Context, p *davit.FlagProtection) error {
	doc, err := document(p)
	if err != nil {
		return err
	}
	if p.Revision == 1 {
		return w.follow(ctx, "INSERT INTO flag_protections (doc) VALUES (?) ON CONFLICT DO NOTHING", doc)
	}
	return w.follow(ctx, "UPDATE flag_protections SET doc = ? WHERE application = ? AND environment = ? AND revision = ?",
		doc, p.Application, p.Environment, p.Revision-1)
}

// proposal writes a proposal, unless it does not follow the stored one, and forgets
// those that ended long ago.
func (w *writer) proposal(ctx context.Context, p *davit.FlagProposal) error {
	doc, err := document(p)
	if err != nil {
		return err
	}
	wakes, ended := int64(0), int64(0)
	if p.Ended() {
		ended = p.EndedAt.Unix()
	} else {
		wakes = p.Wakes().UnixMilli()
	}
	if p.Revision > 1 {
		return w.follow(ctx, "UPDATE flag_proposals SET doc = ?, wakes = ?, ended = ? WHERE id = ? AND revision = ?",
			doc, wakes, ended, p.ID, p.Revision-1)
	}
	if _, err := w.exec(ctx, "DELETE FROM flag_proposals WHERE ended > 0 AND ended < ?", p.At.Add(-proposalsKept).Unix()); err != nil {
		return err
	}
	var open int
	if err := w.tx.QueryRowContext(ctx, "SELECT count(*) FROM flag_proposals WHERE application = ? AND wakes > 0", p.Application).Scan(&open); err != nil {
		return err
	}
	if open >= davit.FlagProposalsMost {
		return &davit.Error{
			Code: davit.CodeConflict, Message: fmt.Sprintf("%d changes of the flags of %s wait already for approval, or for their time", open, p.Application),
			Hint: "approve or reject some: davit flag proposals tells which there are",
		}
	}
	return w.follow(ctx, "INSERT INTO flag_proposals (doc, wakes, ended) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", doc, wakes, ended)
}
