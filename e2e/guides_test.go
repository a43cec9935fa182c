//go:build e2e && linux

package e2e

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// guestbook is the program of the guide for one's own application; this binary
// plays it.
const guestbook = "guestbook"

func runGuestbook() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if len(os.Args) < 3 { // the mailer
		<-ctx.Done()
		return 0
	}
	if os.Getenv("DATABASE_URL") == "" {
		fmt.Fprintln(os.Stderr, "there is no database")
		return 1
	}
	server := &http.Server{Addr: os.Args[2], Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "Guestbook")
	})}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	return 0
}

func (m *machine) guide(name string) (text string, commands []string) {
	m.Helper()
	data, err := os.ReadFile("../docs/how-to/" + name)
	if err != nil {
		m.Fatal(err)
	}
	return string(data), shown(string(data))
}

// says runs a command that a guide shows, as a shell would.
func (m *machine) says(command string) *exec.Cmd {
	m.Helper()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = m.dir
	cmd.Env = append(m.env, "PATH="+built+":"+os.Getenv("PATH"))
	return cmd
}

func (m *machine) succeeds(command string) {
	m.Helper()
	if out, err := m.says(command).CombinedOutput(); err != nil {
		m.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// TestOwnApplicationGuide takes the guide's davit.yaml, and does what it says.
func TestOwnApplicationGuide(t *testing.T) {
	m := serving(t)
	text, commands := m.guide("own-application.md")
	t.Cleanup(func() { m.davit("down", "staging", "--application", "guestbook", "--reason", "the test is over") })
	_, text, _ = strings.Cut(text, "```yaml\n")
	text, _, _ = strings.Cut(text, "```")
	m.write("davit.yaml", strings.NewReplacer("/etc/guestbook", m.dir+"/etc", "127.0.0.1:8080", m.front).Replace(text))
	m.write("etc/database-url", "postgres://localhost/guestbook")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m.copy(self, "dist/v1/"+guestbook)
	for _, command := range commands {
		m.succeeds(command)
	}
	if len(commands) != 3 {
		t.Errorf("the guide shows %d commands", len(commands))
	}
	res, err := http.Get("http://" + m.front)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "Guestbook\n" {
		t.Errorf("the guestbook answers %q, %v", body, err)
	}
}

// TestApprovalsGuide deploys in a freeze with the guide's command, twice: once it
// is rejected, and once approved, with the guide's commands.
func TestApprovalsGuide(t *testing.T) {
	m := serving(t)
	t.Cleanup(func() {
		m.davit("abort", "production", "--reason", "the test is over")
		m.davit("down", "production", "--reason", "the test is over")
	})
	_, commands := m.guide("approvals-hooks-freezes.md")
	if len(commands) != 3 {
		t.Fatalf("the guide shows %q", commands)
	}
	approve, reject, deploy := commands[0], commands[1], commands[2]
	day := func(days int) string { return time.Now().AddDate(0, 0, days).Format(time.DateOnly) }
	m.edit("environments:\n", `environments:
  production:
    listen: ["`+freeAddress(t)+`"]
    strategy: blueGreen
    approvals: [{before: promotion, author: true}]
    freezes: [{name: all days, zone: Europe/Berlin, dates: [`+day(-2)+" - "+day(2)+`]}]
`)
	m.must(4, "deploy", "production", "v2") // it is frozen
	for _, answer := range []struct {
		command string
		code    int
	}{{reject, 3}, {approve, 0}} {
		rollout := m.says(deploy)
		var said bytes.Buffer
		rollout.Stdout, rollout.Stderr = &said, &said
		if err := rollout.Start(); err != nil {
			t.Fatal(err)
		}
		m.eventually("somebody is asked", func() bool { return m.says(answer.command).Run() == nil })
		_ = rollout.Wait() // its code says it
		if code := rollout.ProcessState.ExitCode(); code != answer.code {
			t.Errorf("after %s the deployment exits %d, want %d\n%s", answer.command, code, answer.code, &said)
		}
	}
}

// TestServerGuide runs a server for other machines as the guide shows, and is its
// client.
func TestServerGuide(t *testing.T) {
	m := newMachine(t)
	_, commands := m.guide("server.md")
	if len(commands) != 3 {
		t.Fatalf("the guide shows %q", commands)
	}
	address := freeAddress(t)
	m.certificate()
	m.write("tokens", "anna:0123456789abcdef0123456789abcdef\n")
	if err := os.Chmod(filepath.Join(m.dir, "tokens"), 0o600); err != nil {
		t.Fatal(err)
	}
	serve := strings.Fields(strings.ReplaceAll(commands[0], "0.0.0.0:7443", address))
	m.flags = serve[2:]
	m.serve()
	client := strings.NewReplacer("deploy.example.org:7443", address, "…", "0123456789abcdef0123456789abcdef").Replace(commands[1]) + "\n" + commands[2]
	m.succeeds("export SSL_CERT_FILE=cert.pem\n" + client)
	out, err := m.says("export SSL_CERT_FILE=cert.pem\n" + strings.ReplaceAll(client, "0123456789", "9876543210")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "token") {
		t.Errorf("with another token: %v\n%s", err, out)
	}
}

// certificate writes a certificate for 127.0.0.1, and its key.
func (m *machine) certificate() {
	m.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	key, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		m.Fatal(err)
	}
	m.write("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	m.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
}
