//go:build linux

package cluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// administrator is in the group that may do everything.
const administrator = "admin"

// writeIdentities writes the keys and certificates of a cluster into dir: the
// authority, the one certificate that all its servers show, the key of service
// accounts, and a kubeconfig for everybody who asks the API server. It returns a
// client that asks as an administrator.
func writeIdentities(dir string) (*http.Client, error) {
	a, err := newAuthority(dir)
	if err != nil {
		return nil, fmt.Errorf("making the authority of the cluster: %w", err)
	}
	if err := a.accounts(); err != nil {
		return nil, fmt.Errorf("making the key of service accounts: %w", err)
	}
	if _, _, err := a.issue("server", pkix.Name{CommonName: "kubernetes"}); err != nil {
		return nil, fmt.Errorf("making the certificate of servers: %w", err)
	}
	for name, subject := range map[string]pkix.Name{
		administrator:     {CommonName: administrator, Organization: []string{"system:masters"}},
		ControllerManager: {CommonName: "system:kube-controller-manager"},
		Scheduler:         {CommonName: "system:kube-scheduler"},
		Proxy:             {CommonName: "system:kube-proxy"},
		Kubelet:           {CommonName: "system:node:" + nodeName, Organization: []string{"system:nodes"}},
		Gateway:           {CommonName: Gateway},
	} {
		if err := a.kubeconfig(name, subject); err != nil {
			return nil, fmt.Errorf("making the identity of %s: %w", name, err)
		}
	}
	own, err := tls.LoadX509KeyPair(filepath.Join(dir, administrator+".crt"), filepath.Join(dir, administrator+".key"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, Certificates: []tls.Certificate{own}},
	}}, nil
}

// authority signs the certificates of one cluster.
type authority struct {
	dir         string
	key         crypto.Signer
	certificate *x509.Certificate
	encoded     []byte // in PEM
	serial      int64
}

func newAuthority(dir string) (*authority, error) {
	a := &authority{dir: dir}
	var err error
	if a.key, _, err = a.newKey("ca"); err != nil {
		return nil, err
	}
	template := a.template(pkix.Name{CommonName: "cluster"})
	template.IsCA, template.BasicConstraintsValid, template.ExtKeyUsage = true, true, nil
	template.KeyUsage |= x509.KeyUsageCertSign
	signed, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	if a.certificate, err = x509.ParseCertificate(signed); err != nil {
		return nil, err
	}
	a.encoded, err = a.write("ca.crt", "CERTIFICATE", signed)
	return a, err
}

// template is a certificate for a server at any of the cluster's addresses, and
// for a client.
func (a *authority) template(subject pkix.Name) *x509.Certificate {
	a.serial++
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: subject, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(30 * 24 * time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost", nodeName},
		IPAddresses: []net.IP{net.ParseIP(nodeIP), net.ParseIP(serviceIP), net.IPv4(127, 0, 0, 1)},
	}
}

// issue writes name.key and name.crt, and returns both in PEM.
func (a *authority) issue(name string, subject pkix.Name) (certificate, key []byte, err error) {
	signer, key, err := a.newKey(name)
	if err != nil {
		return nil, nil, err
	}
	signed, err := x509.CreateCertificate(rand.Reader, a.template(subject), a.certificate, signer.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	certificate, err = a.write(name+".crt", "CERTIFICATE", signed)
	return certificate, key, err
}

// accounts writes the keys that service accounts' tokens are signed with and
// verified by.
func (a *authority) accounts() error {
	signer, _, err := a.newKey("accounts")
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return err
	}
	_, err = a.write("accounts.pub", "PUBLIC KEY", public)
	return err
}

// kubeconfig writes name.conf, for asking the API server as subject.
func (a *authority) kubeconfig(name string, subject pkix.Name) error {
	certificate, key, err := a.issue(name, subject)
	if err != nil {
		return err
	}
	type named map[string]any
	// JSON is YAML, and encodes bytes in base64, as is wanted here.
	config, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "tests",
		"clusters": []named{{"name": "tests", "cluster": named{"server": server, "certificate-authority-data": a.encoded}}},
		"users":    []named{{"name": name, "user": named{"client-certificate-data": certificate, "client-key-data": key}}},
		"contexts": []named{{"name": "tests", "context": named{"cluster": "tests", "user": name}}},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(a.dir, name+".conf"), config, 0o600)
}

// newKey writes name.key.
func (a *authority) newKey(name string) (crypto.Signer, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	encoded, err := a.write(name+".key", "PRIVATE KEY", der)
	return key, encoded, err
}

// write writes a file and returns what it holds.
func (a *authority) write(name, kind string, der []byte) ([]byte, error) {
	encoded := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	return encoded, os.WriteFile(filepath.Join(a.dir, name), encoded, 0o600)
}
