//go:build linux

package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// isolate prepares the mount and network namespaces that this process is the
// first in.
func isolate() error {
	for _, m := range []struct {
		target, kind string
		flags        uintptr
		data         string
	}{
		{"/", "", syscall.MS_REC | syscall.MS_PRIVATE, ""}, // what is mounted from here on is not seen outside
		{"/proc", "proc", 0, ""},
		// Whatever the programs write lies here, and in memory.
		{"/run", "tmpfs", 0, "mode=755"},
		{"/var/lib", "tmpfs", 0, "mode=755"},
		{"/var/log", "tmpfs", 0, "mode=755"},
		{"/", "", syscall.MS_REC | syscall.MS_SHARED, ""}, // the kubelet's mounts are seen by its pods
	} {
		if err := syscall.Mount(m.kind, m.target, m.kind, m.flags, m.data); err != nil {
			return fmt.Errorf("mounting %s %s: %w", m.kind, m.target, err)
		}
	}
	return connect()
}

// connect makes a network that ends at this machine. The address of a service
// is looked up by the default route before kube-proxy's rules change it, so there
// is one, to nowhere.
func connect() error {
	ip := exec.Command("ip", "-batch", "-")
	ip.Stdin = strings.NewReader(`link set lo up
link add node0 type bridge
address add ` + nodeIP + `/24 dev node0
link set node0 up
route add default dev node0
`)
	if out, err := ip.CombinedOutput(); err != nil {
		return fmt.Errorf("setting up the network: %w: %s", err, out)
	}
	const bridged = "/proc/sys/net/bridge/bridge-nf-call-iptables"
	if _, err := os.Stat(bridged); errors.Is(err, fs.ErrNotExist) {
		if out, err := exec.Command("modprobe", "br_netfilter").CombinedOutput(); err != nil {
			return fmt.Errorf("loading the kernel module br_netfilter: %w: %s", err, out)
		}
	}
	for _, file := range []string{"/proc/sys/net/ipv4/ip_forward", bridged} {
		if err := os.WriteFile(file, []byte("1"), 0o600); err != nil {
			return err
		}
	}
	return nil
}
