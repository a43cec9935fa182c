package validation

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/davit-dev/davit"
)

// addressesParams name servers to ask, as host:port.
type addressesParams struct {
	Addresses []string `json:"addresses"`
}

func (p *addressesParams) check() error {
	for _, a := range p.Addresses {
		if _, _, err := net.SplitHostPort(a); err != nil {
			return err
		}
	}
	return nil
}

// dependenciesDirect ask what the application needs, from where Davit runs.
func dependenciesDirect() []Check {
	return []Check{
		serverCheck("dependencies.tcp", "the servers that are named accept connections", greetNobody),
		serverCheck("dependencies.postgres", "the PostgreSQL servers that are named take clients", greetPostgres),
		serverCheck("dependencies.redis", "the Redis servers that are named answer", greetRedis),
	}
}

// serverCheck returns a check that connects to servers and greets them. greet
// returns what was asked, what came and what was expected.
func serverCheck(id, proves string, greet func(net.Conn) (Evidence, error)) Check {
	return define(Check{
		ID: id, Category: Dependencies, Severity: davit.Required, Proves: proves,
		Hint: "is it up, and can it be reached from the machine that davit runs on?",
	}, addressesParams{Addresses: []string{}}, func(ctx context.Context, x *exam, p addressesParams) error {
		if len(p.Addresses) == 0 {
			return skip("no server is named; name some with: {addresses: [host:port]}")
		}
		for _, address := range p.Addresses {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
			if err != nil {
				x.expect(false, "a connection to "+address, reason(err), "it opens")
				continue
			}
			e, err := greeted(ctx, conn, greet)
			if err != nil {
				x.expect(false, e.Asked+" of "+address, "no answer: "+reason(err), e.Expected)
				continue
			}
			x.expect(e.Held, e.Asked+" of "+address, e.Came, e.Expected)
		}
		return nil
	})
}

// greeted greets over the connection and closes it. It ends with ctx.
func greeted(ctx context.Context, conn net.Conn, greet func(net.Conn) (Evidence, error)) (Evidence, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // what waits for an answer fails then
	defer stop()
	e, err := greet(conn)
	_ = conn.Close() // there was nothing left to say
	return e, err
}

func greetNobody(net.Conn) (Evidence, error) {
	return Evidence{Asked: "a connection", Came: "it opened", Expected: "it opens", Held: true}, nil
}

// greetRedis sends PING. A server that first wants a password is there.
func greetRedis(conn net.Conn) (Evidence, error) {
	e := Evidence{Asked: "PING", Expected: "PONG, or to be asked for a password"}
	if _, err := io.WriteString(conn, "*1\r\n$4\r\nPING\r\n"); err != nil {
		return e, err
	}
	line, err := bufio.NewReader(io.LimitReader(conn, 4096)).ReadString('\n')
	if err != nil {
		return e, err
	}
	e.Came = strings.TrimSpace(line)
	e.Held = e.Came == "+PONG" || strings.HasPrefix(e.Came, "-NOAUTH")
	return e, nil
}

// greetPostgres begins a session as a client without a password would. A server
// that asks for one, or does not know the user, takes clients.
func greetPostgres(conn net.Conn) (Evidence, error) {
	e := Evidence{Asked: "a PostgreSQL session", Expected: "to be asked who one is"}
	var body bytes.Buffer
	_ = binary.Write(&body, binary.BigEndian, uint32(196608)) // version 3.0; a buffer takes everything
	body.WriteString("user\x00davit-validate\x00database\x00postgres\x00\x00")
	message := binary.BigEndian.AppendUint32(nil, uint32(body.Len())+4) //nolint:gosec // some 50 bytes
	if _, err := conn.Write(append(message, body.Bytes()...)); err != nil {
		return e, err
	}
	kind, payload, err := readPostgres(conn)
	if err != nil {
		return e, err
	}
	switch kind {
	case 'R':
		e.Came, e.Held = "it asks who one is", true
	case 'E':
		code, text := postgresError(payload)
		// Class 28 is about who one is, 3D000 about a database that is not there.
		e.Came, e.Held = fmt.Sprintf("%s (%s)", text, code), strings.HasPrefix(code, "28") || code == "3D000"
	default:
		e.Came = fmt.Sprintf("a message of kind %q", kind)
	}
	return e, nil
}

// readPostgres reads a message: its kind, and what it says.
func readPostgres(r io.Reader) (kind byte, payload []byte, err error) {
	const most = 64 << 10
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size < 4 || size > most {
		return 0, nil, errors.New("what came is no PostgreSQL")
	}
	payload = make([]byte, size-4)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, err
	}
	return head[0], payload, nil
}

// postgresError returns the code and the text of an error's fields.
func postgresError(payload []byte) (code, text string) {
	for field := range bytes.SplitSeq(payload, []byte{0}) {
		if len(field) == 0 {
			continue
		}
		switch field[0] {
		case 'C':
			code = string(field[1:])
		case 'M':
			text = string(field[1:])
		}
	}
	return code, text
}
