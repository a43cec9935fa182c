package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/flag/book"
	"github.com/davit-dev/davit/internal/flag/ofrep"
	"github.com/davit-dev/davit/internal/flag/recent"
	"github.com/davit-dev/davit/internal/flag/usage"
	"github.com/davit-dev/davit/internal/server"
	"github.com/davit-dev/davit/internal/sqlite"
)

const (
	roleBare   = "bare"
	roleStatic = "static"
	roleSplit  = "split"
)

// serve serves as a role says until it is told to end. It prints its address and an
// access key.
func serve(role string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if role == roleBare {
		return serveBare(ctx)
	}
	dir, err := os.MkdirTemp("", "davit-bench-")
	if err != nil {
		return err
	}
	return errors.Join(serveFlags(ctx, dir, role), os.RemoveAll(dir))
}

// serveBare writes one answer, as long as one of OFREP's.
func serveBare(ctx context.Context) error {
	answer := []byte(`{"key":"checkout-v2","reason":"STATIC","variant":"on","value":true}`)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	fmt.Println(l.Addr(), "none")
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// serveFlags serves a flag with Davit's own server: store, audit log, API and
// metrics.
func serveFlags(ctx context.Context, dir, role string) (err error) {
	signer, err := audit.LoadOrCreateKey(filepath.Join(dir, "audit.key"), "bench")
	if err != nil {
		return err
	}
	store, err := sqlite.Open(ctx, filepath.Join(dir, "davit.db"), sqlite.Options{Audit: audit.New(signer)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	b, err := book.Open(ctx, store, time.Now)
	if err != nil {
		return err
	}
	text, err := fill(ctx, b, role)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "tokens")
	if err := os.WriteFile(file, []byte("bench:a-token-that-nobody-shows\n"), 0o600); err != nil {
		return err
	}
	tokens, err := server.LoadTokens(file)
	if err != nil {
		return err
	}
	l, err := server.ListenTCP(server.TCPOptions{Address: "127.0.0.1:0", Tokens: tokens})
	if err != nil {
		return err
	}
	handler := ofrep.New(b) // with all that davit serve has it note
	handler.Seen = recent.New().Note
	handler.Used = usage.New(time.Now()).Note
	fmt.Println(l.Addr(), text)
	return server.New(server.Config{
		Version: "bench", Log: slog.New(slog.DiscardHandler), OFREP: handler, Collectors: []prometheus.Collector{handler},
	}).Serve(ctx, time.Second, l)
}

// fill makes the flag that is asked for, and returns an access key.
func fill(ctx context.Context, b *book.Book, role string) (string, error) {
	const environment = "production"
	instructions := []davit.FlagInstruction{{Kind: davit.TurnOn, Environment: environment}}
	if role == roleSplit {
		instructions = append(instructions, davit.FlagInstruction{
			Kind: davit.SetPercentages, Environment: environment, Percentages: map[string]float64{"on": 30, "off": 70},
		})
	}
	_, err := b.Change(ctx, davit.FlagEdit{
		Application: "shop", Key: "checkout-v2", Actor: "bench", Action: "flag.create",
		Alter: func(davit.Flag) (davit.Flag, error) {
			return davit.Flag{Key: "checkout-v2", Type: davit.FlagBoolean, Variants: davit.BooleanVariants()}.Instruct(instructions...)
		},
	})
	if err != nil {
		return "", err
	}
	_, text, err := b.CreateKey(ctx, "bench", davit.AccessKey{Application: "shop", Environment: environment, Kind: davit.AccessServer, Name: "bench"}, 0)
	return text, err
}
