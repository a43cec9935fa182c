package server

import (
	"net/http"
	"strings"
)

// tilesPath is where the audit log is served by the C2SP tlog-tiles interface.
// Its paths are the specification's, which OpenAPI cannot describe: a tile's
// number is spread over any number of segments.
const tilesPath = "/v1/audit/log/"

// forever lets a client keep a full tile, which never changes. Only the client:
// who may read the log is asked each time.
const forever = "private, max-age=31536000, immutable"

// tile answers with the checkpoint or a tile of the audit log.
func (s *Server) tile(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, tilesPath)
	data, err := s.Tile(r.Context(), path)
	if err != nil {
		p := s.problem(r.Context(), "auditTile", err)
		refuse(w, p.Status, p.Detail, p.Hint)
		return
	}
	kind, cache := "application/octet-stream", forever
	if path == "checkpoint" {
		kind = "text/plain; charset=utf-8"
	}
	if path == "checkpoint" || strings.Contains(path, ".p/") {
		cache = "no-cache" // a partial tile is soon replaced by a wider one
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", cache)
	_, _ = w.Write(data) // a client that is gone is not told
}
