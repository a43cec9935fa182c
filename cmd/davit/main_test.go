package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write golden files and generated documents anew")

// TestMain lets the test's own program be davit, when davit starts itself as a
// server or proxy, and the application that is deployed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		if os.Args[1] == "test-app" {
			os.Exit(testApp(os.Args[2]))
		}
		main()
	}
	os.Exit(m.Run())
}

// testApp answers every request with its version until it is told to end.
func testApp(version string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	fmt.Println("listening as", version)
	s := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, version)
	})}
	finished := make(chan struct{})
	context.AfterFunc(ctx, func() {
		_ = s.Shutdown(context.Background())
		close(finished)
	})
	if err := s.ListenAndServe(); err != http.ErrServerClosed { //nolint:errorlint // documented to be returned as it is
		fmt.Println(err)
		return 1
	}
	<-finished
	return 0
}

// davitRun is what a run of the program gave.
type davitRun struct {
	code           int
	stdout, stderr string
}

// runDavit runs the program in this process.
func runDavit(t *testing.T, args ...string) davitRun {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
	return davitRun{code, stdout.String(), stderr.String()}
}

// mustRun is runDavit for what must succeed; it returns the output.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	r := runDavit(t, args...)
	if r.code != exitOK {
		t.Fatalf("davit %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// compare compares with a file, or writes it with -update.
func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil { //nolint:gosec // documentation
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path) //nolint:gosec // the test's own
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is stale (go test ./cmd/davit -update writes it):\n%s", path, diff)
	}
}
