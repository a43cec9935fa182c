package audit

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/davit-dev/davit"
	"golang.org/x/mod/sumdb/tlog"
)

// TileSource is a store whose tree hashes can be read by themselves.
type TileSource interface {
	Source
	// AuditHashes returns tree hashes by their stored index (sumdb/tlog).
	AuditHashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error)
}

// The tiles of C2SP tlog-tiles: 256 hashes, 8 levels of the tree high.
const (
	tileHeight = 8
	entryTiles = -1 // the level that sumdb/tlog gives bundles of entries
	maxTile    = 1 << (62 - tileHeight)
)

// Tile returns a part of the log by its path in the C2SP tlog-tiles interface:
// "checkpoint", "tile/0/x001/067", "tile/1/000.p/12", "tile/entries/003". What the
// log is not long enough for is a *davit.Error of CodeNotFound.
func (l *Log) Tile(ctx context.Context, source TileSource, path string) ([]byte, error) {
	if path == "checkpoint" {
		return l.Checkpoint(ctx, source)
	}
	tile, ok := parseTile(path)
	if !ok {
		return nil, &davit.Error{Code: davit.CodeNotFound, Message: fmt.Sprintf("%q is no path of a tile", path),
			Hint: "paths are those of C2SP tlog-tiles: tile/0/000, tile/entries/000.p/5"}
	}
	checkpoint, err := l.Checkpoint(ctx, source)
	if err != nil {
		return nil, err
	}
	tree, err := open(checkpoint, l.key.verifier, checkpointLine)
	if err != nil {
		return nil, fmt.Errorf("reading the log's checkpoint: %w", err)
	}
	if tree.N>>(tileHeight*max(tile.L, 0)) < tile.N<<tileHeight+int64(tile.W) {
		return nil, &davit.Error{Code: davit.CodeNotFound, Message: fmt.Sprintf("the audit log of %d entries has no %s", tree.N, path),
			Hint: "the checkpoint says how many entries there are; the last tile of a level is partial"}
	}
	if tile.L == entryTiles {
		return bundle(ctx, source, tile)
	}
	return tlog.ReadTileData(tile, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		return source.AuditHashes(ctx, indexes)
	}))
}

// parseTile reads a path. Those of sumdb/tlog name the height too, and call the
// entries data.
func parseTile(path string) (tlog.Tile, bool) {
	rest, ok := strings.CutPrefix(path, "tile/")
	if !ok || strings.HasPrefix(rest, "data/") {
		return tlog.Tile{}, false
	}
	if entries, ok := strings.CutPrefix(rest, "entries/"); ok {
		rest = "data/" + entries
	}
	tile, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s", tileHeight, rest))
	return tile, err == nil && tile.L < 62/tileHeight && tile.N < maxTile
}

// bundle returns entries, each after its length as two bytes, big-endian.
func bundle(ctx context.Context, source Source, tile tlog.Tile) ([]byte, error) {
	records, err := source.AuditRecords(ctx, tile.N<<tileHeight, tile.W)
	if err != nil {
		return nil, err
	}
	if len(records) != tile.W {
		return nil, fmt.Errorf("the store has %d of the %d entries from %d on", len(records), tile.W, tile.N<<tileHeight)
	}
	var data []byte
	for _, r := range records {
		if len(r.Leaf) > MaxLeaf {
			return nil, fmt.Errorf("entry %d has %d bytes, more than a bundle can hold", r.Index, len(r.Leaf))
		}
		data = binary.BigEndian.AppendUint16(data, uint16(len(r.Leaf))) //nolint:gosec // checked above
		data = append(data, r.Leaf...)
	}
	return data, nil
}
