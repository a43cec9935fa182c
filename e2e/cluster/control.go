//go:build linux

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
)

// startControlPlane starts etcd, the API server and the controllers. The
// controllers are started when the API server is ready, because they end when it
// has not made their roles yet.
func (c *Cluster) startControlPlane(ctx context.Context) error {
	const etcd = "http://127.0.0.1:2379"
	pki := func(name string) string { return filepath.Join(pkiDir, name) }
	controller := func(name, health string, args ...string) *program {
		conf := pki(name + ".conf")
		return &program{
			name: name, path: c.tool(name), ready: answers(c.client, health),
			args: append([]string{
				"--kubeconfig=" + conf, "--authentication-kubeconfig=" + conf, "--authorization-kubeconfig=" + conf, "--leader-elect=false",
				"--tls-cert-file=" + pki("server.crt"), "--tls-private-key-file=" + pki("server.key"),
			}, args...),
		}
	}
	return c.run(ctx,
		&program{
			name: Etcd, path: c.tool(Etcd), ready: answers(http.DefaultClient, etcd+"/health"),
			args: []string{
				"--data-dir=" + home + "/etcd", "--listen-client-urls=" + etcd, "--advertise-client-urls=" + etcd,
				"--listen-peer-urls=http://127.0.0.1:2380", "--unsafe-no-fsync", "--log-level=warn",
			},
		},
		&program{
			name: APIServer, path: c.tool(APIServer), ready: answers(c.client, server+"/readyz"),
			args: []string{
				"--etcd-servers=" + etcd, "--bind-address=0.0.0.0", "--advertise-address=" + nodeIP, "--secure-port=6443",
				"--service-cluster-ip-range=" + serviceNetwork, "--allow-privileged",
				"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
				"--client-ca-file=" + pki("ca.crt"), "--tls-cert-file=" + pki("server.crt"), "--tls-private-key-file=" + pki("server.key"),
				"--kubelet-certificate-authority=" + pki("ca.crt"), "--kubelet-preferred-address-types=InternalIP",
				"--kubelet-client-certificate=" + pki("admin.crt"), "--kubelet-client-key=" + pki("admin.key"),
				"--audit-policy-file=" + home + "/audit.yaml", "--audit-log-path=" + auditLog,
				"--service-account-issuer=https://kubernetes.default.svc",
				"--service-account-key-file=" + pki("accounts.pub"), "--service-account-signing-key-file=" + pki("accounts.key"),
			},
		},
		controller(ControllerManager, "https://"+nodeIP+":10257/healthz",
			"--use-service-account-credentials", "--service-account-private-key-file="+pki("accounts.key"), "--root-ca-file="+pki("ca.crt"),
			"--cluster-signing-cert-file="+pki("ca.crt"), "--cluster-signing-key-file="+pki("ca.key"),
			"--horizontal-pod-autoscaler-sync-period=1s"), // instead of 15
		controller(Scheduler, "https://"+nodeIP+":10259/healthz"),
	)
}

// tool returns the path of a program that was built.
func (c *Cluster) tool(name string) string { return filepath.Join(c.tools.kubernetes, name) }

// installGatewayAPI declares the standard resources of the Gateway API.
func (c *Cluster) installGatewayAPI(ctx context.Context) error {
	if err := c.kubectl(ctx, "apply", "--server-side", "--filename="+filepath.Join(c.tools.traefik, "crds")); err != nil {
		return fmt.Errorf("installing the Gateway API: %w", err)
	}
	if err := c.kubectl(ctx, "wait", "--for=condition=Established", "--timeout=60s", "customresourcedefinitions", "--all"); err != nil {
		return fmt.Errorf("waiting for the Gateway API: %w", err)
	}
	return nil
}

// kubectl runs kubectl as an administrator.
func (c *Cluster) kubectl(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, c.tool("kubectl"), args...).CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl %s: %w: %s", args[0], err, out)
	}
	return nil
}

// get reads an object from the API server.
func (c *Cluster) get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server+path, http.NoBody)
	if err != nil {
		return err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // it is read to its end, or its status says why not
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}
