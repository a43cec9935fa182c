package proxy

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"log/slog"

	"github.com/davit-dev/davit"
)

// writeCertificate writes a self-signed certificate for a name.
func writeCertificate(t *testing.T, p pair, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{p.cert: {Type: "CERTIFICATE", Bytes: der}, p.key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func newPair(t *testing.T) pair {
	dir := t.TempDir()
	return pair{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
}

func TestTLS(t *testing.T) {
	p := newPair(t)
	writeCertificate(t, p, "shop.example")
	r := newRig(t)
	var proto string
	site := twoReleases(500, backendServer(t, func(_ http.ResponseWriter, r *http.Request) { proto = r.Header.Get("X-Forwarded-Proto") }), deadAddress(t))
	site.Releases["v2"] = site.Releases["v1"]
	site.Front.Listen[0].Cert, site.Front.Listen[0].Key = p.cert, p.key
	r.put(site)
	for _, http2 := range []bool{true, false} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "shop.example"}, ForceAttemptHTTP2: http2} //nolint:gosec // self-signed
		if !http2 {
			transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		}
		client := &http.Client{Transport: transport, Timeout: patience}
		res, _ := exchangeWith(t, client, http.MethodPost, "https://"+r.Addresses()[anyPort]+"/", strings.NewReader("x"))
		if want := map[bool]int{true: 2, false: 1}[http2]; res.ProtoMajor != want || proto != "https" {
			t.Errorf("got HTTP/%d and X-Forwarded-Proto %q", res.ProtoMajor, proto)
		}
		if cookie := res.Header.Get("Set-Cookie"); !strings.HasSuffix(cookie, "; Secure") {
			t.Errorf("cookie over TLS: %q", cookie)
		}
		transport.CloseIdleConnections()
	}
}

func TestHTTP2Cleartext(t *testing.T) {
	r := newRig(t)
	r.put(oneRelease(davit.ProtocolHTTP1, backendServer(t, says("ok"))))
	transport := &http.Transport{Protocols: &http.Protocols{}}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	res, got := exchangeWith(t, &http.Client{Transport: transport}, http.MethodPost, r.url("/"), io.MultiReader(strings.NewReader("x")))
	if res.ProtoMajor != 2 || got != "ok" {
		t.Errorf("got HTTP/%d %q", res.ProtoMajor, got)
	}
}

func TestCertificateIsReloadedWhenItsFilesChange(t *testing.T) {
	p := newPair(t)
	writeCertificate(t, p, "old.example")
	synctest.Test(t, func(t *testing.T) {
		all, err := loadCertificates([]pair{p}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		names := func() string {
			c, err := all.get(&tls.ClientHelloInfo{})
			if err != nil {
				t.Fatal(err)
			}
			leaf, err := x509.ParseCertificate(c.Certificate[0])
			if err != nil {
				t.Fatal(err)
			}
			return leaf.DNSNames[0]
		}
		if got := names(); got != "old.example" {
			t.Fatalf("got %s", got)
		}
		if err := os.WriteFile(p.key, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * checkEvery)
		if got := names(); got != "old.example" {
			t.Errorf("half way through a change: got %s", got)
		}
		writeCertificate(t, p, "new.example")
		<-time.After(2 * checkEvery)
		if got := names(); got != "new.example" {
			t.Errorf("after the change: got %s", got)
		}
	})
}

// A listener keeps its connections over tables, also when what is behind it
// changes.
func TestListenerIsKeptOverChanges(t *testing.T) {
	r := newRig(t)
	site := oneRelease(davit.ProtocolHTTP1, backendServer(t, says("ok")))
	r.put(site)
	address := r.Addresses()[anyPort]
	c := dialRaw(t, address)
	in := bufio.NewReader(c)
	for _, size := range []int{0, 32 << 10, 128 << 10} {
		site.Front.Limits.HeaderBytes = size
		r.put(site)
		if got := r.Addresses()[anyPort]; got != address {
			t.Fatalf("the listener moved from %s to %s", address, got)
		}
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("on the kept connection: %v", err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		if _, got := exchangeWith(t, newClient(t), http.MethodGet, r.url("/"), nil); got != "ok" {
			t.Errorf("on a new connection: %q", got)
		}
	}
	site.Front.Listen = nil
	r.put(site)
	if _, err := newClient(t).Get("http://" + address); err == nil {
		t.Error("a listener that left the table still answers")
	}
}
