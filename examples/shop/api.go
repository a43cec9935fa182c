package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"sync"
)

// Product is something the shop sells.
type Product struct {
	Name  string `json:"name"`
	Price int    `json:"price"` // cents
}

// Order is what POST /api/orders takes and, with the version that took it,
// answers.
type Order struct {
	Key     string `json:"key"` // the client's, unique: the same key is the same order
	Product string `json:"product"`
	Version string `json:"version,omitempty"`
}

var products = []Product{
	{"Storm lantern", 4900}, {"Brass compass", 8900}, {"Oilskin", 12900},
	{"Manila rope, 30 m", 5900}, {"Boat hook", 3400}, {"Bosun's whistle", 1500},
}

// runAPI serves the products and takes orders. The variable LEDGER names the
// file that orders are written to; without it they are kept in memory.
func runAPI(ctx context.Context, log *slog.Logger, faults Faults) error {
	ledger, err := openLedger(os.Getenv("LEDGER"))
	if err != nil {
		return err
	}
	defer ledger.close()
	var echoes sync.WaitGroup // which the server does not wait for: their connections are no longer its own
	defer echoes.Wait()
	return serve(ctx, log, faults, newAPI(ctx, ledger, &echoes), dependency{"ledger", func(*http.Request) error { return ledger.well() }})
}

// newAPI returns the api's handler. Its streams end with ctx; the WebSockets among
// them are counted by echoes.
func newAPI(ctx context.Context, ledger *ledger, echoes *sync.WaitGroup) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/events", handleEvents(ctx))
	mux.HandleFunc("GET /api/echo", handleEcho(ctx, echoes))
	mux.HandleFunc("GET /api/products", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"version": version, "products": products})
	})
	mux.HandleFunc("POST /api/orders", func(w http.ResponseWriter, r *http.Request) {
		var order Order
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&order); err != nil || !validKey(order.Key) {
			http.Error(w, `want {"key": "…", "product": "…"} with a key of 1 to 64 letters, digits and -`, http.StatusBadRequest)
			return
		}
		if err := ledger.enter(order.Key); err != nil {
			http.Error(w, "the order could not be kept", http.StatusInternalServerError)
			return
		}
		order.Version = version
		answer(w, http.StatusCreated, order)
	})
	return mux
}

// validKey reports whether a key is safe to write on a line of its own.
func validKey(key string) bool {
	for _, c := range key {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(key) >= 1 && len(key) <= 64
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails only when the client has gone
}
