//go:build linux

package cluster

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
)

// GatewayMetrics is where the gateway tells Prometheus what it has counted, at
// /metrics.
const GatewayMetrics = "127.0.0.1:8081"

// startGateway starts Traefik as the implementation of the Gateway API, and
// waits until it serves the Gateway default/front.
func (c *Cluster) startGateway(ctx context.Context) error {
	if err := c.kubectl(ctx, "apply", "--server-side", "--filename="+home+"/gateway.yaml"); err != nil {
		return fmt.Errorf("declaring the gateway: %w", err)
	}
	const admin = GatewayMetrics
	err := c.run(ctx, &program{
		name: Gateway, path: filepath.Join(c.tools.traefik, Gateway), ready: answers(http.DefaultClient, "http://"+admin+"/ping"),
		env: []string{"KUBECONFIG=" + filepath.Join(pkiDir, Gateway+".conf")},
		args: []string{
			"--entrypoints.web.address=:80", "--entrypoints.traefik.address=" + admin, "--ping=true", "--metrics.prometheus=true",
			"--global.checknewversion=false", "--global.sendanonymoususage=false",
			"--providers.kubernetesgateway=true", "--providers.kubernetesgateway.statusaddress.ip=" + nodeIP,
			"--providers.providersthrottleduration=100ms", // a change that comes sooner after another waits
		},
	})
	if err != nil {
		return err
	}
	if err := c.kubectl(ctx, "wait", "--for=condition=Programmed", "--timeout=60s", "gateway/front"); err != nil {
		return fmt.Errorf("waiting for the gateway: %w\n%s", err, c.programs[Gateway].tail())
	}
	return nil
}
