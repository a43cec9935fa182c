package validation

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/davit-dev/davit"
)

// securityTLS look at the connection itself. A URL of plain HTTP has none.
func securityTLS() []Check {
	return []Check{
		tlsCheck(Check{
			ID: "security.tls-chain", Severity: davit.Required,
			Proves: "the certificate is signed by somebody whom clients trust, and the chain is whole",
			Hint:   "serve the whole chain; for an authority of one's own set with: {roots: /path/ca.pem}",
		}, rootsParams{}, chainTrusted),
		tlsCheck(Check{
			ID: "security.tls-name", Severity: davit.Required,
			Proves: "the certificate is for the name that is asked for",
			Hint:   "get a certificate with this name among its alternative names",
		}, none{}, nameCovered),
		tlsCheck(Check{
			ID: "security.tls-expiry", Severity: davit.Required,
			Proves: "no certificate of the chain ends soon",
			Hint:   "renew it; something that renews by itself has stopped doing so",
		}, daysParams{14}, notExpiring),
		tlsCheck(Check{
			ID: "security.tls-versions", Severity: davit.Required,
			Proves: "TLS 1.2 or later is spoken, and TLS 1.0 and 1.1 are refused",
			Hint:   "set the least version to TLS 1.2",
		}, none{}, versionsRefused),
		tlsCheck(Check{
			ID: "security.tls-ciphers", Severity: davit.Required,
			Proves: "cipher suites that are known to be weak are refused",
			Hint:   "allow only suites with ECDHE and an AEAD: ssl_ciphers of Mozilla's intermediate profile",
		}, none{}, ciphersRefused),
	}
}

func tlsCheck[P any](c Check, defaults P, do func(context.Context, *exam, P) error) Check {
	c.Category = Security
	return define(c, defaults, func(ctx context.Context, x *exam, p P) error {
		if x.base.Scheme != "https" {
			return skip("%s is plain HTTP", x.URL)
		}
		return do(ctx, x, p)
	})
}

// serverName is the name that clients ask for.
func (x *exam) serverName() string {
	if x.Host != "" {
		return x.Host
	}
	return x.base.Hostname()
}

// handshake returns the state of a TLS connection. The error is the server's
// refusal when refused is true.
func (x *exam) handshake(ctx context.Context, c *tls.Config) (state tls.ConnectionState, refused bool, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", hostPort(x.base))
	if err != nil {
		return state, false, unanswered(ctx, x.front(), "a connection to "+hostPort(x.base), err)
	}
	c.InsecureSkipVerify = true //nolint:gosec // judged by the checks, each its part
	c.ServerName = x.serverName()
	client := tls.Client(conn, c)
	err = client.HandshakeContext(ctx)
	state = client.ConnectionState()
	_ = conn.Close() // nothing was said
	if err != nil && ctx.Err() != nil {
		return state, false, err
	}
	return state, err != nil, err
}

// certificates returns what the server shows, its own first.
func (x *exam) certificates(ctx context.Context) ([]*x509.Certificate, error) {
	state, _, err := x.handshake(ctx, &tls.Config{}) //nolint:gosec // see handshake
	if err != nil {
		return nil, fmt.Errorf("the TLS handshake: %w", err)
	}
	return state.PeerCertificates, nil
}

type rootsParams struct {
	Roots string `json:"roots,omitempty"` // PEM file beside the system's own
}

func chainTrusted(ctx context.Context, x *exam, p rootsParams) error {
	certificates, err := x.certificates(ctx)
	if err != nil {
		return err
	}
	roots, err := trusted(p.Roots)
	if err != nil {
		return unknowable{err}
	}
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range certificates[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err = certificates[0].Verify(options)
	came := "trusted"
	if err != nil {
		came = err.Error()
	}
	x.expect(err == nil, "certificate of "+x.base.Host, came, "a chain to an authority that is trusted")
	return nil
}

// trusted returns the system's authorities and those of a file.
func trusted(file string) (*x509.CertPool, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's authorities: %w", err)
	}
	if file == "" {
		return roots, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the authorities: %w", err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("there is no certificate in " + file)
	}
	return roots, nil
}

func nameCovered(ctx context.Context, x *exam, _ none) error {
	if ip := net.ParseIP(x.serverName()); x.Managed && ip != nil && ip.IsLoopback() {
		return skip("the routes have no host, so that no name is known that users ask for")
	}
	certificates, err := x.certificates(ctx)
	if err != nil {
		return err
	}
	came := "it is for it"
	if err = certificates[0].VerifyHostname(x.serverName()); err != nil {
		came = err.Error()
	}
	x.expect(err == nil, "certificate of "+x.base.Host, came, "one for "+x.serverName())
	return nil
}

type daysParams struct {
	Days int `json:"days"` // that are left at least
}

func notExpiring(ctx context.Context, x *exam, p daysParams) error {
	certificates, err := x.certificates(ctx)
	if err != nil {
		return err
	}
	for _, c := range certificates {
		left := time.Until(c.NotAfter)
		x.expectf(left >= time.Duration(p.Days)*24*time.Hour, "certificate of "+c.Subject.String(), fmt.Sprintf("%d days or more", p.Days),
			"%d days left, until %s", int(left.Hours()/24), c.NotAfter.UTC().Format(time.DateTime))
	}
	return nil
}

func versionsRefused(ctx context.Context, x *exam, _ none) error {
	state, _, err := x.handshake(ctx, &tls.Config{MinVersion: tls.VersionTLS12})
	if err != nil {
		return fmt.Errorf("TLS 1.2 and later: %w", err)
	}
	x.expect(true, "a handshake", tls.VersionName(state.Version), "TLS 1.2 or later")
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		_, refused, err := x.handshake(ctx, &tls.Config{MinVersion: version, MaxVersion: version}) //nolint:gosec // to see it refused
		if err != nil && !refused {
			return err
		}
		x.expect(refused, "a handshake with "+tls.VersionName(version), acceptance(refused), "refused")
	}
	return nil
}

func acceptance(refused bool) string {
	if refused {
		return "refused"
	}
	return "accepted"
}

func ciphersRefused(ctx context.Context, x *exam, _ none) error {
	for _, suite := range tls.InsecureCipherSuites() {
		weak := []uint16{suite.ID}
		_, refused, err := x.handshake(ctx, &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: weak}) //nolint:gosec // to see it refused
		if err != nil && !refused {
			return err
		}
		x.expect(refused, "a handshake with "+suite.Name, acceptance(refused), "refused")
	}
	return nil
}
