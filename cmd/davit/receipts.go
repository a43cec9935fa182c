package main

import (
	"context"
	"fmt"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/receipt"
)

// eventsPage is how many events of a journal are read at once.
const eventsPage = 1000

// makeReceipt makes the receipt of a rollout that has ended, and stores it with
// its audit entry. It does nothing when there is one.
func (o *observer) makeReceipt(ctx context.Context, r *davit.Rollout) error {
	source, err := o.receiptSource(ctx, r)
	if err != nil {
		return fmt.Errorf("making the receipt of rollout %s: %w", r.ID, err)
	}
	statement, err := receipt.NewStatement(source)
	if err != nil {
		return err
	}
	envelope, entry, err := receipt.Sign(statement, o.audit, time.Now())
	if err != nil {
		return err
	}
	err = o.store.PutReceipt(ctx, r.ID, envelope, entry)
	if davit.ErrorCode(err) == davit.CodeConflict {
		return nil
	}
	return err
}

// receiptSource reads all that a receipt tells of.
func (o *observer) receiptSource(ctx context.Context, r *davit.Rollout) (s receipt.Source, err error) {
	s = receipt.Source{Rollout: r, Version: version}
	if s.Target, err = o.release(ctx, r.Plan.Target); err != nil {
		return s, err
	}
	if s.Stable, err = o.release(ctx, r.Plan.Stable); err != nil {
		return s, err
	}
	for after := int64(0); ; {
		page, err := o.store.Events(ctx, r.ID, after, eventsPage)
		if err != nil {
			return s, err
		}
		s.Events = append(s.Events, page...)
		if len(page) < eventsPage {
			break
		}
		after = page[len(page)-1].Seq
	}
	s.Samples, err = o.store.Series(ctx, r.ID)
	if davit.ErrorCode(err) == davit.CodeNotFound {
		err = nil
	}
	return s, err
}

// release returns a release, nil for "".
func (o *observer) release(ctx context.Context, id davit.ReleaseID) (*davit.Release, error) {
	if id == "" {
		return nil, nil
	}
	return o.store.Release(ctx, id)
}

// receiptOf returns the receipt of a rollout as a file.
func (p *parts) receiptOf(ctx context.Context, rollout string) ([]byte, error) {
	envelope, entry, err := p.store.Receipt(ctx, rollout)
	if davit.ErrorCode(err) == davit.CodeNotFound {
		r, lookErr := p.store.Rollout(ctx, rollout)
		if lookErr != nil {
			return nil, lookErr
		}
		if !r.Phase.Ended() {
			return nil, &davit.Error{Code: davit.CodeConflict, Message: fmt.Sprintf("rollout %s is %s: it gets its receipt when it has ended", rollout, r.Phase),
				Hint: "davit status " + r.Environment + " --watch waits for its end"}
		}
		return nil, &davit.Error{Code: davit.CodeUnavailable, Message: "the receipt of rollout " + rollout + " is being made", Hint: "try again in some seconds"}
	}
	if err != nil {
		return nil, err
	}
	proved, err := p.audit.Prove(ctx, p.store, entry)
	if err != nil {
		return nil, err
	}
	return receipt.NewBundle(envelope, entry, proved.Leaf, proved.Proof, proved.Checkpoint)
}
