// Calls serves gRPC's health service on PORT, and answers which release it is of.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, ":"+os.Getenv("PORT"), os.Getenv("DAVIT_RELEASE")); err != nil {
		fmt.Fprintln(os.Stderr, "calls:", err)
		os.Exit(1)
	}
}

// serve serves until ctx ends, and then what has begun.
func serve(ctx context.Context, address, release string) error {
	tell := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if err := grpc.SetHeader(ctx, metadata.Pairs("Davit-Release", release)); err != nil {
			return nil, fmt.Errorf("telling the release: %w", err)
		}
		return handler(ctx, request)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(tell))
	healthpb.RegisterHealthServer(server, health.NewServer())
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	defer context.AfterFunc(ctx, server.GracefulStop)()
	return server.Serve(listener)
}
