package main

import (
	"net"
	"os"
	"strconv"
)

// notify tells systemd how this service is, where systemd asked to be told
// (sd_notify(3)). That it cannot be told changes nothing for the service.
func notify(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"}) // a leading @ is the abstract namespace here too
	if err != nil {
		return
	}
	_, _ = conn.Write([]byte(state))
	_ = conn.Close()
}

// mainPID says that another process is the service from now on.
func mainPID(pid int) string { return "MAINPID=" + strconv.Itoa(pid) }
