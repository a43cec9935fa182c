package receipt_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/receipt"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var epoch = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return epoch.Add(time.Duration(seconds * float64(time.Second)))
}

// newLog returns a log whose key is made from a seed, so that what it signs is
// the same every time.
func newLog(t testing.TB, seed byte) *audit.Log {
	t.Helper()
	const origin = "davit"
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	public, err := note.NewEd25519VerifierKey(origin, private.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	secret := base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...)) // 1 is the algorithm
	path := filepath.Join(t.TempDir(), "audit.key")
	if err := os.WriteFile(path, []byte("PRIVATE+KEY+"+origin+"+"+strings.Split(public, "+")[1]+"+"+secret), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := audit.LoadOrCreateKey(path, origin)
	if err != nil {
		t.Fatal(err)
	}
	return audit.New(key)
}

func publicOf(t testing.TB, log *audit.Log) *audit.Public {
	t.Helper()
	public, err := audit.ParsePublic(log.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// bundleOf signs a statement and puts its entry in a log of a few entries.
func bundleOf(t testing.TB, s receipt.Statement, log *audit.Log) []byte {
	t.Helper()
	envelope, entry, err := receipt.Sign(s, log, at(100))
	if err != nil {
		t.Fatal(err)
	}
	other := davit.AuditEntry{At: at(0), Actor: "davit", Action: "rollout.stage"}
	records, checkpoint, err := log.Seal([]davit.AuditEntry{other, other, entry, other, other}, 0, nil, tlog.HashReaderFunc(func([]int64) ([]tlog.Hash, error) { return nil, nil }))
	if err != nil {
		t.Fatal(err)
	}
	const index = 2
	proof, err := tlog.ProveRecord(int64(len(records)), index, hashes(records))
	if err != nil {
		t.Fatal(err)
	}
	file, err := receipt.NewBundle(envelope, index, records[index].Leaf, proof, checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// hashes reads tree hashes from sealed records.
type hashes []davit.AuditRecord

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		copy(list[i][:], h[(n+1)<<level-1].Hashes[level*tlog.HashSize:])
	}
	return list, nil
}

// source is a canary that is hauled back at its second stage.
func source(t testing.TB) receipt.Source {
	t.Helper()
	release := func(version string) *davit.Release {
		r, err := davit.NewRelease("shop", "production", version, map[string]string{"api": "sha256:" + strings.Repeat(version[1:], 64)},
			davit.ReleaseConfig{Services: map[string]davit.Service{"api": {Name: "api", Traffic: true, Replicas: 2}}}, at(-10))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	stable, target := release("v1"), release("v2")
	policy := davit.Policy{
		Strategy: davit.Strategy{Kind: davit.KindCanary, Canary: davit.CanaryOptions{Steps: []davit.CanaryStep{{Weight: 50}, {Weight: 1000}}}},
		Gates:    []davit.Gate{davit.ErrorRate("errors", davit.ErrorsParams{MaxRate: 0.01, MinRequests: 100})},
	}
	plan, err := davit.NewPlan(stable, target, policy)
	if err != nil {
		t.Fatal(err)
	}
	ms := func(n int) davit.Duration { return davit.Duration(time.Duration(n) * time.Millisecond) }
	r := &davit.Rollout{
		ID: "0123456789abcdef", Application: "shop", Environment: "production", Kind: davit.KindDeploy, Plan: plan, Policy: policy,
		Phase: davit.RolledBack, Stage: 1, Actor: "uid 1000 (anna)", Reason: "new <checkout>", Cause: "errors: 4.2% of 240 requests failed",
		Measured: &davit.Measured{
			From: at(1), Until: at(31), Complete: true, Interval: ms(50), Probes: 600, Failed: 2, Failures: map[string]int64{"server error": 2},
			LongestGap: ms(101), Downtime: ms(51), Outages: 1, Resolution: ms(50),
		},
		CreatedAt: at(0), StartedAt: at(1), HauledAt: at(29), EndedAt: at(31),
	}
	return receipt.Source{Rollout: r, Target: target, Stable: stable, Events: journal(t, r), Version: "v0.0.0-test"}
}

func journal(t testing.TB, r *davit.Rollout) (events []davit.Event) {
	t.Helper()
	add := func(seconds float64, kind davit.EventKind, stage int, message string, data any) {
		encoded, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, davit.Event{
			Seq: int64(len(events) + 1), At: at(seconds), Rollout: r.ID, Application: r.Application, Environment: r.Environment,
			Kind: kind, Stage: stage, Message: message, Data: encoded,
		})
	}
	verdict := func(outcome davit.Outcome, reason string) davit.Verdict {
		return davit.Verdict{Gate: "errors", Outcome: outcome, Reason: reason, Evidence: json.RawMessage(`{"requests":240,"failures":10}`), At: at(20)}
	}
	add(1, davit.EventPhase, 0, "deploy to v2 began", davit.Running)
	for i := range 2 {
		s := r.Plan.Stages[i]
		add(float64(1+10*i), davit.EventStage, i, "stage: "+s.Name, s.State)
		add(float64(2+10*i), davit.EventRouted, i, "routed", s.State.Split)
		add(float64(3+10*i), davit.EventHeld, i, "reached after 2s", nil)
	}
	add(14, davit.EventWitness, 1, "measured", r.Measured)
	add(15, davit.EventTrouble, 1, "the proxy did not answer", nil)
	add(16, davit.EventCommand, 1, "pause by uid 0 (root): lunch", map[string]string{"kind": "pause", "actor": "uid 0 (root)", "reason": "lunch"})
	add(20, davit.EventVerdict, 1, "errors: inconclusive", verdict(davit.Inconclusive, "12 of 100 requests"))
	add(29, davit.EventVerdict, 1, "errors: fail", verdict(davit.Fail, "4.2% of 240 requests failed"))
	add(29, davit.EventPhase, 1, "hauling back: errors", davit.HaulingBack)
	add(30, davit.EventRouted, 1, "routed", r.Plan.Origin.Split)
	add(30.5, davit.EventHeld, 1, "reached after 1.5s", nil)
	add(31, davit.EventPhase, 1, "rolled back to v1", davit.RolledBack)
	return events
}

func statement(t testing.TB, s receipt.Source) receipt.Statement {
	t.Helper()
	made, err := receipt.NewStatement(s)
	if err != nil {
		t.Fatal(err)
	}
	return made
}
