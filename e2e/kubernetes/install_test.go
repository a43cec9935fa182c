//go:build e2e && linux

package kubernetes

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"

	"github.com/davit-dev/davit/e2e/cluster/image"
	"github.com/davit-dev/davit/e2e/rig"
)

// installed is a server in the cluster, reached through a port of this machine.
type installed struct {
	address, certificate string
	token                string
}

// install builds the image of Davit, and applies an overlay over the shipped base as
// a user would.
func (p *place) install() *installed {
	p.Helper()
	_, err := kube.Load(p.Context(), image.Image{
		Name: "ghcr.io/davit-dev/davit:e2e", Entrypoint: []string{"/davit"}, User: "65532:65532",
		Files: []image.File{{Path: "davit", Source: davitPath, Mode: 0o755}},
	})
	p.must(err)
	dir := p.TempDir()
	s := &installed{certificate: filepath.Join(dir, "tls.crt"), token: rand.Text()}
	p.certify(dir)
	p.must(os.WriteFile(filepath.Join(dir, "tokens"), []byte("operator:"+s.token+"\n"), 0o600))
	base, err := filepath.Abs("../../deploy/kubernetes/base")
	p.must(err)
	base, err = filepath.Rel(dir, base) // kustomize takes no absolute one
	p.must(err)
	overlay := fmt.Sprintf(`
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: %s
resources: [%s]
images: [{name: ghcr.io/davit-dev/davit, newTag: e2e}]
secretGenerator:
- {name: davit-tls, type: kubernetes.io/tls, files: [tls.crt, tls.key]}
- {name: davit-tokens, files: [tokens]}
`, p.Space.Name, base)
	p.must(os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(overlay), 0o600))
	p.volume()
	p.admit()
	p.kubectl("apply", "--kustomize="+dir)
	p.Cleanup(func() {
		ctx := context.Background()
		if p.Failed() {
			out, err := p.Kubectl(ctx, "logs", "davit-0", "--tail=-1")
			p.Logf("the server's log:\n%s %v", out, err)
		}
		// Before the folder that its volume is.
		if _, err := p.Kubectl(ctx, "delete", "statefulset", "davit", "--cascade=foreground"); err != nil {
			p.Error(err)
		}
	})
	p.kubectl("rollout", "status", "statefulset/davit", "--timeout=1m")
	s.address = p.forward()
	return s
}

// reach returns the variables that lead davit to the server, as the operator or with
// a token that the server does not know.
func (s *installed) reach(who string) []string {
	token := s.token
	if who != "operator" {
		token = rand.Text()
	}
	return []string{"DAVIT_SERVER=https://" + s.address, "DAVIT_TOKEN=" + token, "SSL_CERT_FILE=" + s.certificate}
}

// certify writes a certificate for 127.0.0.1, where the server is reached, and its key.
func (p *place) certify(dir string) {
	p.Helper()
	https := httptest.NewTLSServer(nil)
	https.Close()
	own := https.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	p.must(err)
	for name, block := range map[string]*pem.Block{
		"tls.crt": {Type: "CERTIFICATE", Bytes: own.Certificate[0]},
		"tls.key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		p.must(os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
}

// volume makes the volume that the server's state is on, where the cluster makes none.
func (p *place) volume() {
	p.Helper()
	if !kube.Own() {
		return
	}
	manifest := fmt.Sprintf(`
apiVersion: v1
kind: PersistentVolume
metadata: {name: %[1]s}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  claimRef: {namespace: %[1]s, name: state-davit-0}
  local: {path: %[2]s}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: Exists}]}]}}
`, p.Space.Name, p.TempDir())
	_, err := p.Feed(p.Context(), manifest, "apply", "--filename=-")
	p.must(err)
	p.Cleanup(func() {
		if _, err := p.Kubectl(context.Background(), "delete", "persistentvolume", p.Space.Name, "--wait=false"); err != nil {
			p.Error(err)
		}
	})
}

// admit lets the server read the Gateway, which is in another namespace.
func (p *place) admit() {
	p.Helper()
	in := "--namespace=" + p.front().Namespace
	p.kubectl("create", "role", p.Space.Name, in, "--verb=list,watch", "--resource=gateways.gateway.networking.k8s.io")
	p.kubectl("create", "rolebinding", p.Space.Name, in, "--role="+p.Space.Name, "--serviceaccount="+p.Space.Name+":davit")
	p.Cleanup(func() {
		if _, err := p.Kubectl(context.Background(), "delete", "role,rolebinding", p.Space.Name, in); err != nil {
			p.Error(err)
		}
	})
}

// forward leads a port of this machine to the server's Service, until the test ends:
// kubectl ends when the pod that it leads to does, and is begun again.
func (p *place) forward() string {
	p.Helper()
	listener, err := (&net.ListenConfig{}).Listen(p.Context(), "tcp", "127.0.0.1:0")
	p.must(err)
	address := listener.Addr().String()
	p.must(listener.Close()) // kubectl takes it
	_, port, err := net.SplitHostPort(address)
	p.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var forwarding sync.WaitGroup
	p.Cleanup(forwarding.Wait)
	p.Cleanup(cancel)
	forwarding.Go(func() {
		for ctx.Err() == nil {
			_, _ = p.Kubectl(ctx, "port-forward", "service/davit", port+":443") // whoever asks sees that nobody answers
		}
	})
	p.must(rig.Until(p.Context(), "the server is reached", func(ctx context.Context) error {
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return connection.Close()
	}))
	return address
}
