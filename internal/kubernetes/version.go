package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/version"
)

// sleepMinor is the minor version of Kubernetes 1 from which on pods can have a
// preStop sleep by default.
const sleepMinor = 30

// version asks the API server which it is.
func (c *Cluster) version(ctx context.Context) (info version.Info, err error) {
	raw, err := c.api.groups[corev1.SchemeGroupVersion].Get().AbsPath("/version").DoRaw(ctx)
	if err != nil {
		return info, err
	}
	return info, json.Unmarshal(raw, &info)
}

// knowsSleep reports whether the API server knows preStop sleeps.
func (c *Cluster) knowsSleep(ctx context.Context) (bool, error) {
	c.mu.Lock()
	known := c.sleeps
	c.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	var info version.Info
	err := persist(ctx, "asking "+c.host+" for its version", func(ctx context.Context) (err error) {
		info, err = c.version(ctx)
		return err
	})
	if err != nil {
		return false, err
	}
	minor, err := strconv.Atoi(strings.TrimRight(info.Minor, "+"))
	if err != nil {
		return false, fmt.Errorf("reading the version %q of %s: %w", info.GitVersion, c.host, err)
	}
	knows := info.Major != "1" || minor >= sleepMinor
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sleeps = &knows
	return knows, nil
}
