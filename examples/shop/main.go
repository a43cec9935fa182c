// Shop is the example application that Davit's tutorial and demo deploy: a web
// front, an api and a worker in one binary, with faults that a release's
// configuration turns on, so that every bad release is a real one.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// version is stamped by the build: -ldflags "-X main.version=v2".
var version = "dev"

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("version", version)
	if err := run(log, os.Args[1:]); err != nil {
		log.Error("shop ended", "err", err)
		os.Exit(1)
	}
}

func run(log *slog.Logger, args []string) error {
	if len(args) < 1 {
		return errors.New("usage: shop web|api|worker|visitors [URL]|version")
	}
	name := args[0]
	if name == "version" {
		_, err := fmt.Println(version)
		return err
	}
	faults, err := readFaults(faultsFile, name)
	if err != nil {
		return err
	}
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if faults.HangOnTerm {
		signal.Ignore(syscall.SIGTERM)
		signals = signals[:1]
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	go faults.crash(ctx, log)
	go faults.grow(ctx)

	switch name {
	case "visitors":
		return runVisitors(ctx, os.Stdout, cmp.Or(strings.Join(args[1:], ""), "http://127.0.0.1:8090"))
	case "web":
		return runWeb(ctx, log, faults)
	case "api":
		return runAPI(ctx, log, faults)
	case "worker":
		return runWorker(ctx, faults)
	default:
		return fmt.Errorf("there is no service %q: use web, api, worker or visitors", name)
	}
}
