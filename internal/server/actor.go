package server

import (
	"context"
	"fmt"
	"net"
	"os/user"
	"strconv"
)

type actorKey struct{}

func withActor(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

type localKey struct{}

// withLocal notes that a request came over the unix socket: from the server's
// own user, on its machine.
func withLocal(ctx context.Context) context.Context {
	return context.WithValue(ctx, localKey{}, true)
}

// local reports whether a request came over the unix socket.
func local(ctx context.Context) bool { return ctx.Value(localKey{}) != nil }

// actor returns who makes a request. Every listener says so.
func actor(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}

// peer names who is at the other end of a unix socket: "uid 1000 (anna)".
func peer(c net.Conn) string {
	unix, ok := c.(*net.UnixConn)
	if !ok {
		return "unknown"
	}
	uid, err := peerUID(unix)
	if err != nil {
		return "unknown"
	}
	name := "uid " + strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
		name += fmt.Sprintf(" (%s)", u.Username)
	}
	return name
}
