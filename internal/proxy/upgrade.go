package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// upgrade hands the client's connection over to the instance: after 101 the
// bytes go through in both directions until both are done. The request stays in
// flight for as long.
func (c *call) upgrade(q *request, a *answer) {
	x, ok := a.flow.(*exchange)
	if !ok || q.upgrade == "" || !hasToken(a.Header["Upgrade"], q.upgrade) {
		a.flow.end(false)
		c.fail(http.StatusBadGateway)
		return
	}
	defer x.end(false)
	_ = x.conn.SetDeadline(time.Time{}) // the limits were for the answer's header
	out := c.w.Header()
	for name, values := range a.Header {
		if name == "Upgrade" || !isHop(name) {
			out[name] = values
		}
	}
	c.own(out)
	out["Connection"] = []string{"Upgrade"}
	client, buffered, err := http.NewResponseController(c.w).Hijack()
	if err != nil {
		c.fail(http.StatusBadGateway)
		return
	}
	defer func() { _ = client.Close() }() // both directions are done
	c.answered(a.StatusCode)
	switching := http.Response{StatusCode: a.StatusCode, ProtoMajor: 1, ProtoMinor: 1, Header: out}
	if err := switching.Write(client); err != nil {
		return
	}
	// The end of the proxy ends it too.
	stop := context.AfterFunc(c.p.ctx, func() { _, _ = client.Close(), x.conn.Close() })
	defer stop()
	t := &tunnel{client: client, fromClient: buffered.Reader, instance: x.conn.Conn, fromInstance: x.conn.br,
		webSocket: strings.EqualFold(q.upgrade, "websocket")}
	defer c.backend.streams.add(t.leave)()
	c.written = t.run()
}

// pump copies what src sends to dst, first what is buffered of it.
func pump(dst net.Conn, buffered *bufio.Reader, src net.Conn) (int64, error) {
	held, _ := buffered.Peek(buffered.Buffered()) // no more than there is
	n, err := dst.Write(held)
	total := int64(n)
	if err == nil {
		var more int64
		more, err = io.Copy(dst, src)
		total += more
	}
	if err == nil && closeWrite(dst) == nil {
		return total, nil
	}
	_, _ = dst.Close(), src.Close() // the other direction ends by this
	return total, err
}
