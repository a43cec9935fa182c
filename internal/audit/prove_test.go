package audit_test

import (
	"testing"

	"github.com/davit-dev/davit/internal/audit"
	"golang.org/x/mod/sumdb/tlog"
)

// TestProve proves every entry of logs of many sizes with the public key alone.
func TestProve(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 64, 100} {
		s := filled(t, n)
		public, err := audit.ParsePublic(s.log.VerifierKey())
		if err != nil {
			t.Fatal(err)
		}
		for i := range int64(n) {
			p, err := s.log.Prove(t.Context(), s, i)
			if err != nil {
				t.Fatal(err)
			}
			tree, err := public.Tree(p.Checkpoint)
			if err != nil || tree.N != int64(n) {
				t.Fatalf("tree of %d (%v), want %d", tree.N, err, n)
			}
			if err := tlog.CheckRecord(p.Proof, tree.N, tree.Hash, i, tlog.RecordHash(p.Leaf)); err != nil {
				t.Errorf("entry %d of %d: %v", i, n, err)
			}
		}
		if _, err := s.log.Prove(t.Context(), s, int64(n)); err == nil {
			t.Errorf("an entry that is not there was proved")
		}
	}
}

func TestSignMessage(t *testing.T) {
	s := newStore(t, 1)
	public, err := audit.ParsePublic(s.log.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	signature, err := s.log.Sign([]byte("DSSEv1 …"))
	if err != nil {
		t.Fatal(err)
	}
	if !public.Verify([]byte("DSSEv1 …"), signature) || public.Verify([]byte("DSSEv1 ."), signature) {
		t.Error("the signature does not tell messages apart")
	}
	if public.KeyID() != s.log.KeyID() || public.KeyID() == "" {
		t.Errorf("the key is %q to one and %q to the other", public.KeyID(), s.log.KeyID())
	}
	if _, err := audit.ParsePublic("no key"); err == nil {
		t.Error("a public key that is none was read")
	}
}
