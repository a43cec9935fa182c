package step_test

import (
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag/step"
)

// TestProtectedFlags shows that a rollout switches flags of a protected environment
// when those have approved it who may, and not because its own policy says that
// somebody may; and that its way back needs nobody.
func TestProtectedFlags(t *testing.T) {
	b := newBench(t)
	b.rollout.Actor = "token anna"
	_, _, err := b.book.Protect(t.Context(), davit.FlagProtection{
		Application: "shop", Environment: "production", Actor: "token bo",
		Approval: davit.ApprovalParams{By: []davit.Approver{"token bo", "token anna"}, Count: 1, Within: davit.Duration(time.Hour)},
	})
	if err != nil {
		t.Fatal(err)
	}
	refused := func(task davit.FlagTask, when string) {
		t.Helper()
		all, err := step.Do(t.Context(), b.book, b.rollout, davit.FlagParams{Task: task, Flags: []davit.FlagSwitch{{Flag: key, Turn: davit.FlagOn}}})
		if davit.ErrorCode(err) != davit.CodeRefused || b.settings().Enabled {
			t.Errorf("%s %s: %+v (%v)", task, when, all, err)
		}
	}
	refused(davit.FlagsCheck, "of a rollout that asks nobody")
	refused(davit.FlagsSwitch, "of a rollout that asks nobody")
	own := davit.Approvals(davit.GateApproval, davit.ApprovalParams{Count: 1, Author: true, Within: davit.Duration(time.Hour)})
	b.rollout.Policy.Holds = []davit.Hold{{At: davit.Moment{Kind: davit.BeforeStart}, Gate: own}}
	if said := b.does(davit.FlagsCheck, on); said != "can be switched" {
		t.Errorf("before it was approved: %s", said)
	}
	for _, actor := range []string{"token anna", "token carl"} {
		b.rollout.Approvals = append(b.rollout.Approvals, davit.Approval{Actor: actor})
		refused(davit.FlagsSwitch, "approved by "+actor)
	}
	b.rollout.Phase = davit.HaulingBack // no word that it is on its way back helps a switch
	refused(davit.FlagsSwitch, "on its way back")
	b.rollout.Phase = davit.Running
	b.rollout.Approvals = append(b.rollout.Approvals, davit.Approval{Actor: "token bo"})
	if said := b.does(davit.FlagsSwitch, on); said != "switched in revision 2" || !b.settings().Enabled {
		t.Errorf("approved: %s", said)
	}
	b.rollout.Approvals = nil
	if said := b.does(davit.FlagsReturn, on); said != "returned in revision 3" || b.settings().Enabled {
		t.Errorf("on the way back: %s", said)
	}
}
