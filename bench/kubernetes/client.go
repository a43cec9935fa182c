//go:build linux

package main

import (
	"fmt"

	client "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// connect returns a client of the cluster that kubectl reaches, which may ask as
// much as a kubelet of many nodes.
func connect() (*client.Clientset, error) {
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), &clientcmd.ConfigOverrides{})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the cluster: %w", err)
	}
	config.QPS, config.Burst, config.UserAgent = 1000, 2000, "bench"
	set, err := client.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return set, nil
}
