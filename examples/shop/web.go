package main

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"
)

//go:embed page.html
var pageSource string

// forwarded are the headers that web passes on to the api. The first keeps a
// user who is on the candidate's web on the candidate's api, the second keeps
// what follows from a probe of Davit's out of the api's figures, the others let
// one request be followed through both.
var forwarded = []string{"Davit-Release", "Davit-Witness", "traceparent", "X-Request-Id"}

// runWeb serves the shop's page. The variable API_URL is the front door that
// the api is asked through, so that the split holds for it too.
func runWeb(ctx context.Context, log *slog.Logger, faults Faults) error {
	api := cmp.Or(os.Getenv("API_URL"), "http://127.0.0.1:8080")
	mux, err := newWeb(api)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: time.Second}
	return serve(ctx, log, faults, mux, dependency{"api", func(r *http.Request) error {
		_, err := fetchCatalogue(client, api, r)
		return err
	}})
}

func newWeb(api string) (*http.ServeMux, error) {
	page, err := template.New("page").Funcs(template.FuncMap{
		"euro": func(cents int) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) },
	}).Parse(pageSource)
	if err != nil {
		return nil, fmt.Errorf("reading the page: %w", err)
	}
	client := &http.Client{Timeout: 5 * time.Second}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		catalogue, err := fetchCatalogue(client, api, r)
		if err != nil {
			http.Error(w, "the catalogue is not available", http.StatusBadGateway)
			return
		}
		var html strings.Builder
		if err := page.Execute(&html, map[string]any{"Web": version, "API": catalogue}); err != nil {
			http.Error(w, "the page could not be made", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, html.String()) // fails only when the client has gone
	})
	return mux, nil
}

// catalogue is the answer of GET /api/products.
type catalogue struct {
	Version  string
	Products []Product
}

func fetchCatalogue(client *http.Client, api string, r *http.Request) (catalogue, error) {
	var c catalogue
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, api+"/api/products", http.NoBody)
	if err != nil {
		return c, fmt.Errorf("asking for the products: %w", err)
	}
	for _, name := range forwarded {
		if value := r.Header.Get(name); value != "" {
			request.Header.Set(name, value)
		}
	}
	response, err := client.Do(request)
	if err != nil {
		return c, fmt.Errorf("asking for the products: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	if response.StatusCode != http.StatusOK {
		return c, fmt.Errorf("asking for the products: %s", response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&c); err != nil {
		return c, fmt.Errorf("reading the products: %w", err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<10)) // so that the connection is kept
	return c, nil
}
