package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	tapi "github.com/transparency-dev/tessera/api"
	tessera "github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/server"
)

const (
	tilesOrigin = "shop.example.org/davit"
	tilesToken  = "a-token-of-the-auditor"
)

// tileSite is a real store that is served over loopback TCP.
type tileSite struct {
	auditedStore
	root     *url.URL
	verifier note.Verifier
}

func newTileSite(t *testing.T) *tileSite {
	t.Helper()
	s, _ := newAuditedStore(t)
	verifier, err := note.NewVerifier(s.log.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("auditor:"+tilesToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := server.LoadTokens(tokens)
	if err != nil {
		t.Fatal(err)
	}
	l, err := server.ListenTCP(server.TCPOptions{Address: "127.0.0.1:0", Tokens: loaded})
	if err != nil {
		t.Fatal(err)
	}
	p := &parts{store: s.Store, audit: s.log, platforms: &platforms{}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.New(p.server(slog.New(slog.DiscardHandler))).Serve(ctx, patience, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	root := &url.URL{Scheme: "http", Host: l.Addr().String(), Path: "/v1/audit/log/"}
	return &tileSite{auditedStore: s, root: root, verifier: verifier}
}

// grow makes the log n entries long.
func (s *tileSite) grow(t *testing.T, n int) {
	t.Helper()
	records, err := s.AuditRecords(t.Context(), 0, n)
	if err != nil {
		t.Fatal(err)
	}
	for have := len(records); have < n; {
		batch := make([]davit.AuditEntry, min(n-have, 5000))
		for i := range batch {
			batch[i] = davit.AuditEntry{At: time.Unix(int64(have+i), 0).UTC(), Actor: "davit", Action: "rollout.stage", Reason: strings.Repeat("é", (have+i)%50)}
		}
		s.add(t, batch...)
		have += len(batch)
	}
}

// fetcher returns transparency-dev's client of the log.
func (s *tileSite) fetcher(t *testing.T) *tessera.HTTPFetcher {
	t.Helper()
	f, err := tessera.NewHTTPFetcher(s.root, &http.Client{Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	f.SetAuthorizationHeader("Bearer " + tilesToken)
	return f
}

// get fetches a path and returns status, header and body.
func (s *tileSite) get(t *testing.T, path string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.root.String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+tilesToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp, body
}

// leafHashes takes a bundle apart as transparency-dev does.
func leafHashes(bundle []byte) (hashes [][]byte, err error) {
	var b tapi.EntryBundle
	if err := b.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	for _, entry := range b.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}

// check has transparency-dev's checker go through the whole log. It may wait for
// ever once it has found a fault, when it has fewer workers than tiles to compare.
func (s *tileSite) check(t *testing.T, hasher func([]byte) ([][]byte, error)) error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		done <- fsck.New(tilesOrigin, s.verifier, s.fetcher(t), hasher, fsck.Opts{N: 16}).Check(t.Context())
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		return errors.New("the checker did not come to an end")
	}
}

// TestTilesByTessera has transparency-dev's checker fetch the whole log over HTTP,
// hash every entry, and compare every tile and the checkpoint, at sizes around the
// edges of tiles; between them its tracker proves that the log only grew.
func TestTilesByTessera(t *testing.T) {
	s := newTileSite(t)
	f := s.fetcher(t)
	var tracker *tessera.LogStateTracker
	for _, size := range []int{3, 255, 256, 257, 511, 512, 66_000} {
		s.grow(t, size)
		if err := s.check(t, leafHashes); err != nil {
			t.Fatalf("at %d entries: %v", size, err)
		}
		if tracker == nil {
			var err error
			tracker, err = tessera.NewLogStateTracker(t.Context(), f.ReadTile, nil, s.verifier, tilesOrigin, tessera.UnilateralConsensus(f.ReadCheckpoint))
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, _, _, err := tracker.Update(t.Context()); err != nil {
			t.Fatalf("at %d entries: %v", size, err)
		}
		if got := tracker.Latest().Size; got != uint64(size) {
			t.Errorf("the checkpoint has %d entries, want %d", got, size)
		}
	}
	for _, index := range []uint64{0, 255, 256, 65_535, 65_536, 65_999} {
		bundle, err := tessera.GetEntryBundle(t.Context(), f.ReadEntryBundle, index/256, 66_000)
		if err != nil {
			t.Fatal(err)
		}
		record, err := s.AuditRecords(t.Context(), int64(index), 1)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bundle.Entries[index%256], record[0].Leaf) {
			t.Errorf("entry %d is %q, want %q", index, bundle.Entries[index%256], record[0].Leaf)
		}
	}
}

// TestTilesByTesseraOfADamagedLog shows that the checker would find a fault.
func TestTilesByTesseraOfADamagedLog(t *testing.T) {
	s := newTileSite(t)
	s.grow(t, 600)
	forge := func(bundle []byte) ([][]byte, error) {
		return leafHashes(bytes.Replace(bundle, []byte("new basket"), []byte("old basket"), 1))
	}
	if err := s.check(t, forge); err == nil {
		t.Error("a changed entry was not found")
	}
}

// TestTilesDuringCommits checks proofs against a log that grows meanwhile: what a
// checkpoint covers can be had at once.
func TestTilesDuringCommits(t *testing.T) {
	s := newTileSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	var storm sync.WaitGroup
	storm.Go(func() {
		for ctx.Err() == nil {
			if err := s.Commit(t.Context(), &davit.Change{Audit: make([]davit.AuditEntry, 7)}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	defer storm.Wait()
	defer cancel()
	for range 10 {
		if err := s.check(t, leafHashes); err != nil {
			t.Fatal(err)
		}
	}
}

// tileReader reads tiles for sumdb/tlog, whose paths differ in the height.
type tileReader struct {
	t *testing.T
	s *tileSite
}

func (tileReader) Height() int { return 8 }

func (r tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		resp, body := r.s.get(r.t, path)
		if resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %s", path, resp.Status)
		}
		all = append(all, body)
	}
	return all, nil
}

func (tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

// TestTilesBySumdb proves inclusion and growth with the Go checksum database's
// client.
func TestTilesBySumdb(t *testing.T) {
	s := newTileSite(t)
	tree := func() tlog.Tree {
		t.Helper()
		_, text := s.get(t, "checkpoint")
		opened, err := note.Open(text, note.VerifierList(s.verifier))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(opened.Text, "\n")
		hash, err := tlog.ParseHash(lines[2])
		if err != nil || lines[0] != tilesOrigin {
			t.Fatalf("checkpoint %q: %v", opened.Text, err)
		}
		var tree tlog.Tree
		if _, err := fmt.Sscan(lines[1], &tree.N); err != nil {
			t.Fatal(err)
		}
		tree.Hash = hash
		return tree
	}
	s.grow(t, 300)
	older := tree()
	s.grow(t, 1000)
	newer := tree()
	reader := tlog.TileHashReader(newer, tileReader{t, s})
	proof, err := tlog.ProveTree(newer.N, older.N, reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := tlog.CheckTree(proof, newer.N, newer.Hash, older.N, older.Hash); err != nil {
		t.Error(err)
	}
	for _, index := range []int64{0, 299, 300, 999} {
		record, err := s.AuditRecords(t.Context(), index, 1)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := tlog.ProveRecord(newer.N, index, reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, newer.N, newer.Hash, index, tlog.RecordHash(record[0].Leaf)); err != nil {
			t.Errorf("entry %d: %v", index, err)
		}
	}
}

func TestTilePaths(t *testing.T) {
	s := newTileSite(t)
	s.grow(t, 300)
	const forever, again = "private, max-age=31536000, immutable", "no-cache"
	for path, cache := range map[string]string{
		"checkpoint": again, "tile/0/000": forever, "tile/entries/000": forever, "tile/0/001.p/44": again, "tile/0/001.p/1": again,
		"tile/entries/001.p/44": again, "tile/1/000.p/1": again,
	} {
		resp, body := s.get(t, path)
		if resp.StatusCode != http.StatusOK || len(body) == 0 || resp.Header.Get("Cache-Control") != cache {
			t.Errorf("%s: %s, %d bytes, cache %q", path, resp.Status, len(body), resp.Header.Get("Cache-Control"))
		}
	}
	for _, path := range []string{
		"", "tile", "tile/", "tile/0", "tile/0/0", "tile/0/001", "tile/0/001.p/45", "tile/0/001.p/0", "tile/0/000.p/256", "tile/0/000.p/01",
		"tile/1/000", "tile/1/000.p/2", "tile/2/000.p/1", "tile/7/000.p/1", "tile/63/000.p/1", "tile/-1/000", "tile/data/000", "tile/entries/001",
		"tile/entries/x000/000", "tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0/x000/001", "tile/8/0/000", "tile/entries/000/..", "Checkpoint",
	} {
		if resp, body := s.get(t, path); resp.StatusCode != http.StatusNotFound || !bytes.Contains(body, []byte(`"code":"not_found"`)) {
			t.Errorf("%s: %s %s, want it not found", path, resp.Status, body)
		}
	}
	resp, err := http.Get(s.root.String() + "checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %s (%v)", resp.Status, err)
	}
}
