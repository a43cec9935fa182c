package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/davit-dev/davit"
)

const (
	maxTable    = 64 << 20 // bytes of a table sent to the proxy
	streamPause = 50 * time.Millisecond
)

// Status is what a proxy says about itself.
type Status struct {
	PID       int               `json:"pid"`
	Started   string            `json:"started"` // as in proxy.json
	Version   string            `json:"version"`
	Protocol  int               `json:"protocol,omitempty"` // none is 1
	Boot      string            `json:"boot"`
	Table     int64             `json:"table"`     // number of the one in effect
	Addresses map[string]string `json:"addresses"` // listener -> bound address
	// Unkept says why the table in effect could not be written to disk.
	Unkept string `json:"unkept,omitempty"`
	// Lapsed holds, by site, the splits whose lease ran out, where nothing was
	// routed since.
	Lapsed map[string]davit.Split `json:"lapsed,omitempty"`
}

// RenewRequest asks to renew the lease of a site's split.
type RenewRequest struct {
	Site string `json:"site"`
	// Table is the number of a table that the asker knows to be in effect. One
	// from before the split came into effect is refused with ErrStale.
	Table int64 `json:"table"`
}

// RenewResult tells the split whose lease ran out before it was renewed, if one did.
type RenewResult struct {
	Lapsed davit.Split `json:"lapsed,omitempty"`
}

// DrainRequest asks to wait for what is in flight to a release of a site, or to
// one service of it, or to an instance; an instance may be named without its
// site.
type DrainRequest struct {
	Site     string          `json:"site,omitempty"`
	Release  davit.ReleaseID `json:"release,omitempty"`
	Service  string          `json:"service,omitempty"`
	Instance string          `json:"instance,omitempty"`
	Limit    davit.Duration  `json:"limit"`
}

// DrainResult tells how many requests are still in flight.
type DrainResult struct {
	Remaining int64 `json:"remaining"`
}

// controlHandler serves the control socket: who may open it, by its file mode,
// may do all of this.
func controlHandler(p *Proxy, self identity) *http.ServeMux {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(p))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, p.status(self))
	})
	mux.HandleFunc("GET /table", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, p.Table())
	})
	mux.HandleFunc("PUT /table", p.handleTable(p.Apply))
	mux.HandleFunc("POST /drain", p.handleDrain(p.drainAll))
	mux.HandleFunc("POST /renew", p.handleRenew)
	mux.HandleFunc("GET /figures", p.handleFigures)
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

func (p *Proxy) status(self identity) Status {
	addresses := p.Addresses()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Status{PID: self.PID, Protocol: self.protocol, Started: self.Started, Version: self.Version, Boot: p.boot, Table: p.Table().Number, Addresses: addresses, Lapsed: p.Table().lapsed()}
	if self.protocol < takeover {
		s.Protocol = 0 // it was not told yet
	}
	if p.unkept != nil {
		s.Unkept = p.unkept.Error()
	}
	return s
}

func (p *Proxy) handleTable(apply func(context.Context, *Table) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { receiveTable(w, r, apply) }
}

func receiveTable(w http.ResponseWriter, r *http.Request, apply func(context.Context, *Table) error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTable))
	if err != nil {
		writeError(w, invalid("the routing table could not be received", err))
		return
	}
	table, err := DecodeTable(data)
	if err == nil {
		// Its asker's leaving must not stop it half way.
		err = apply(context.WithoutCancel(r.Context()), table)
	}
	if err != nil {
		writeError(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (p *Proxy) handleRenew(w http.ResponseWriter, r *http.Request) {
	var request RenewRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&request); err != nil {
		writeError(w, invalid("the renewal cannot be read", err))
		return
	}
	lapsed, err := p.Renew(request.Site, request.Table)
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, RenewResult{Lapsed: lapsed})
}

func (p *Proxy) handleDrain(drain func(context.Context, DrainRequest) int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var request DrainRequest
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&request); err != nil {
			writeError(w, invalid("the drain request cannot be read", err))
			return
		}
		writeJSON(w, http.StatusOK, DrainResult{Remaining: drain(r.Context(), request)})
	}
}

// handleFigures answers with one snapshot, or with a stream of them: a line
// whenever something changed, at most every 50 ms.
func (p *Proxy) handleFigures(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("stream") == "" {
		writeJSON(w, http.StatusOK, p.Figures())
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines, control := json.NewEncoder(w), http.NewResponseController(w)
	pause := time.NewTimer(streamPause)
	defer pause.Stop()
	for {
		changed := p.changed.next()
		if lines.Encode(p.Figures()) != nil || control.Flush() != nil {
			return // the reader is gone
		}
		pause.Reset(streamPause)
		select {
		case <-pause.C:
		case <-r.Context().Done():
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a reader that is gone is no trouble
}

// problem is an error on the control socket.
type problem struct {
	Code    davit.Code `json:"code"`
	Message string     `json:"message"`
	Hint    string     `json:"hint,omitempty"`
	Stale   bool       `json:"stale,omitempty"` // the error is ErrStale
	Moved   bool       `json:"moved,omitempty"` // the error is errMoved
}

func writeError(w http.ResponseWriter, err error) {
	out := problem{Code: davit.ErrorCode(err), Message: err.Error(), Stale: errors.Is(err, ErrStale), Moved: errors.Is(err, errMoved)}
	if e, ok := errors.AsType[*davit.Error](err); ok {
		out.Hint = e.Hint
		if out.Stale {
			out.Message = e.Message // the cause is put back by the client
		}
	}
	status := http.StatusInternalServerError
	switch out.Code {
	case davit.CodeInvalid:
		status = http.StatusBadRequest
	case davit.CodeConflict:
		status = http.StatusConflict
	case davit.CodeUnavailable:
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, out)
}
