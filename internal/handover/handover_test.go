package handover_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit/internal/handover"
)

// TestMain lets the test's own program be a successor of the kind that its first
// argument names.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		os.Exit(successor(os.Args[1]))
	}
	os.Exit(m.Run())
}

// successor does its part as well as its kind does, and returns an exit code.
func successor(kind string) int {
	switch kind {
	case "exits":
		return 3
	case "exits quietly":
		return 0
	case "hangs":
		select {}
	case "babbles":
		f := os.NewFile(3, "predecessor")
		fmt.Fprintln(f, "hello there")
		select {}
	case "speaks another protocol":
		f := os.NewFile(3, "predecessor")
		fmt.Fprintf(f, `{"say":"here","protocol":%d,"version":"v9"}`+"\n", handover.Protocol+1)
		select {}
	}
	before, err := handover.Inherit("v2")
	if err != nil || before == nil {
		return 4
	}
	switch kind {
	case "refuses":
		before.Fail(errors.New("the store is too old"))
		return 1
	case "is here and hangs":
		select {}
	case "is here and ends":
		return 5
	}
	if before.Await() != nil {
		return 6
	}
	switch kind {
	case "ends when it should serve":
		return 7
	case "hangs when it should serve":
		select {}
	case "fails when it should serve":
		before.Fail(errors.New("the disk is full"))
		return 1
	}
	l, err := net.FileListener(before.Socket("door"))
	if err != nil {
		before.Fail(err)
		return 1
	}
	before.Serve()
	for {
		c, err := l.Accept()
		if err != nil {
			return 8
		}
		fmt.Fprintf(c, "%s after %s, asked for by %s, environment %q\n", "v2", before.From, before.Actor, os.Getenv("DAVIT_HANDOVER"))
		_ = c.Close()
	}
}

// begin starts a successor of a kind, with a socket to take over.
func begin(t *testing.T, kind string, limit time.Duration) (*handover.Successor, net.Addr, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = l.Close(), f.Close() })
	program := handover.Program{Path: os.Args[0], Args: []string{kind}, Stderr: io.Discard, Limit: limit}
	s, err := handover.Start(t.Context(), program, handover.Offer{ID: "u1", From: "v1", Actor: "anna"}, []handover.Socket{{Name: "door", File: f}})
	if err == nil {
		t.Cleanup(s.End)
	}
	return s, l.Addr(), err
}

func TestSuccessorServes(t *testing.T) {
	s, address, err := begin(t, "serves", 0)
	if err != nil {
		t.Fatal(err)
	}
	if s.Version() != "v2" || s.PID() == os.Getpid() {
		t.Errorf("version %s, process %d", s.Version(), s.PID())
	}
	c, err := net.Dial("tcp", address.String()) // before it serves: it waits in the queue
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := s.Go(t.Context()); err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(c).ReadString('\n')
	if want := "v2 after v1, asked for by anna, environment \"\"\n"; said != want || err != nil {
		t.Errorf("it says %q (%v), want %q", said, err, want)
	}
}

// short is a limit that what hangs is waited for; what works takes far less.
const short = 3 * time.Second

func TestProgramThatCannotTakeOver(t *testing.T) {
	for kind, says := range map[string]string{
		"exits":                   "exit status 3",
		"exits quietly":           "ended without a word",
		"hangs":                   "did not answer in time",
		"babbles":                 "invalid character",
		"speaks another protocol": "version v9 speaks handover protocol 2",
		"refuses":                 "the store is too old",
		"is here and hangs":       "did not answer in time",
		"is here and ends":        "exit status 5",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			_, _, err := begin(t, kind, short)
			if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), os.Args[0]) {
				t.Errorf("got %v, want it to name the program and say %q", err, says)
			}
		})
	}
}

func TestSuccessorThatDoesNotServe(t *testing.T) {
	for kind, says := range map[string]string{
		"ends when it should serve":  "exit status 7",
		"hangs when it should serve": "did not answer in time",
		"fails when it should serve": "the disk is full",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s, _, err := begin(t, kind, short)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Go(t.Context()); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("got %v, want %q", err, says)
			}
		})
	}
}

func TestNoProgram(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(dir, "garbage")
	if err := os.WriteFile(garbage, []byte("\x00\x01\x02\x03"), 0o700); err != nil { //nolint:gosec // it is to be executable
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		filepath.Join(dir, "none"): "no such file",
		dir:                        "no program that can be run",
		text:                       "no program that can be run",
		garbage:                    "exec format error",
		"davit":                    "", // by whatever it fails
	} {
		_, err := handover.Start(t.Context(), handover.Program{Path: path}, handover.Offer{}, nil)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", path, err, says)
		}
	}
}

func TestWhoAsksGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := handover.Start(ctx, handover.Program{Path: os.Args[0], Args: []string{"hangs"}}, handover.Offer{}, nil)
	if err == nil {
		t.Error("a program that hangs is prepared")
	}
}

// TestOfferIsUnderstoodByTheVersionBefore holds the form of the offer to what an
// older Davit reads.
func TestOfferIsUnderstoodByTheVersionBefore(t *testing.T) {
	text, err := json.Marshal(handover.Offer{Protocol: 1, ID: "u1", From: "v1", Actor: "anna", Proxy: true, Sockets: []string{"unix"}})
	if want := `{"protocol":1,"id":"u1","from":"v1","actor":"anna","proxy":true,"sockets":["unix"]}`; string(text) != want || err != nil {
		t.Errorf("the offer is %s (%v), want %s; a new field needs a new protocol number only when the old side must know it", text, err, want)
	}
}
