package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/server"
)

const ciToken = "0123456789abcdef0123456789abcdef"

func tokens(t *testing.T) *server.Tokens {
	t.Helper()
	loaded, err := server.LoadTokens(write(t, "tokens", "# who deploys\nother:ffffffffffffffffffffffffffffffff\nci:"+ciToken+"\n", 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func write(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTCPNeedsAToken(t *testing.T) {
	l, err := server.ListenTCP(server.TCPOptions{Address: "127.0.0.1:0", Tokens: tokens(t)})
	if err != nil {
		t.Fatal(err)
	}
	f := newFake()
	serve(t, f, nil, l)
	address := "http://" + l.Addr().String()
	for _, token := range []string{"", "wrong", ciToken + "x", ciToken[1:]} {
		if _, err := dial(t, address, token).Version(t.Context()); davit.ErrorCode(err) != davit.CodeRefused || strings.Contains(err.Error(), ciToken[1:]) {
			t.Errorf("token %q: %v", token, err)
		}
	}
	if _, err := dial(t, address, ciToken).Down(t.Context(), "shop", "staging", api.Down{Reason: "over"}); err != nil {
		t.Fatal(err)
	}
	if got := f.asked[0].(engine.DownRequest).Actor; got != "token ci" {
		t.Errorf("actor %q", got)
	}
	for _, test := range []struct {
		path   string
		header http.Header
		status int
	}{
		{"/healthz", nil, http.StatusOK},
		{"/metrics", nil, http.StatusUnauthorized},
		{"/v1/version", http.Header{"Authorization": {"Bearer " + ciToken}, "Origin": {"https://evil.example"}}, http.StatusForbidden},
		{"/v1/version", http.Header{"Authorization": {"Bearer " + ciToken}, "Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden},
		{"/v1/version", http.Header{"Authorization": {"Bearer " + ciToken}, "Origin": {address}}, http.StatusOK},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = test.header
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.Body.Close() != nil || resp.StatusCode != test.status {
			t.Errorf("%s %v: %s, want %d", test.path, test.header, resp.Status, test.status)
		}
	}
}

func TestTLS(t *testing.T) {
	cert, key, pool := certificate(t)
	l, err := server.ListenTCP(server.TCPOptions{Address: "127.0.0.1:0", CertFile: cert, KeyFile: key, Tokens: tokens(t)})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, newFake(), nil, l)
	h := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	defer h.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+l.Addr().String()+"/v1/version", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+ciToken)
	resp, err := h.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s, %v", resp.Status, err)
	}
	if _, err := dial(t, "https://"+l.Addr().String(), ciToken).Version(t.Context()); davit.ErrorCode(err) != davit.CodeUnavailable {
		t.Errorf("a client that does not know the certificate's authority: %v", err)
	}
}

// certificate writes a certificate for 127.0.0.1 that signs itself.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), 0o600),
		write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), 0o600), pool
}

func TestListenTCPRefuses(t *testing.T) {
	for name, o := range map[string]server.TCPOptions{
		"clear text":   {Address: "0.0.0.0:0", Tokens: tokens(t)},
		"every name":   {Address: ":0", Tokens: tokens(t)},
		"no token":     {Address: "127.0.0.1:0"},
		"no port":      {Address: "127.0.0.1", Tokens: tokens(t)},
		"no such cert": {Address: "127.0.0.1:0", Tokens: tokens(t), CertFile: "/nowhere", KeyFile: "/nowhere"},
		"no key":       {Address: "127.0.0.1:0", Tokens: tokens(t), CertFile: write(t, "cert", "", 0o600)},
	} {
		if l, err := server.ListenTCP(o); davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("%s: %v, %v", name, l.Listener, err)
		}
	}
}

func TestLoadTokensRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		mode os.FileMode
		code davit.Code
		says string
	}{
		"others read it": {"ci:" + ciToken, 0o640, davit.CodeRefused, "chmod"},
		"empty":          {"# nobody\n\n", 0o600, davit.CodeInvalid, "holds no token"},
		"no name":        {ciToken, 0o600, davit.CodeInvalid, ":1 is not name:token"},
		"short":          {"\nci:secret", 0o600, davit.CodeInvalid, ":2 has a token shorter"},
	} {
		_, err := server.LoadTokens(write(t, "tokens", test.text, test.mode))
		if davit.ErrorCode(err) != test.code || !strings.Contains(err.Error()+hint(err), test.says) || strings.Contains(err.Error(), ciToken) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func hint(err error) string {
	if e, ok := err.(*davit.Error); ok { //nolint:errorlint // the outermost
		return e.Hint
	}
	return ""
}

func TestSocket(t *testing.T) {
	path := socket(t)
	l := listenUnix(t, path)
	serve(t, newFake(), nil, l)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := server.ListenUnix(path); davit.ErrorCode(err) != davit.CodeConflict {
		t.Errorf("a second server: %v", err)
	}
	if _, err := dial(t, "unix:"+path, "").Version(t.Context()); err != nil {
		t.Errorf("the first server after the second was refused: %v", err)
	}
	if _, err := server.ListenUnix("/tmp/" + strings.Repeat("x", 100)); davit.ErrorCode(err) != davit.CodeInvalid {
		t.Errorf("a path that is too long: %v", err)
	}
}

func TestSocketOfADeadServerIsReplaced(t *testing.T) {
	path := socket(t)
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	serve(t, newFake(), nil, listenUnix(t, path))
	if _, err := dial(t, "unix:"+path, "").Version(t.Context()); err != nil {
		t.Error(err)
	}
}

// FuzzTokens looks for a token file that panics, or whose tokens nobody holds.
func FuzzTokens(f *testing.F) {
	f.Add("ci:" + ciToken)
	f.Add("# x\n\r\nci:\x00::\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := server.LoadTokens(write(t, "tokens", text, 0o600)); err != nil && davit.ErrorCode(err) != davit.CodeInvalid {
			t.Error(err)
		}
	})
}
