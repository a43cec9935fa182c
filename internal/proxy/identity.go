package proxy

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// fields returns what the proxy itself tells the instance about the request.
func (c *call) fields() []field {
	trace := c.identify()
	return []field{
		{"X-Forwarded-For", c.visitor.forwarded},
		{"X-Forwarded-Host", c.visitor.host},
		{"X-Forwarded-Proto", c.visitor.proto},
		{"X-Request-Id", c.requestID},
		{"Traceparent", trace},
		{releaseHeader, string(c.release.id)},
	}
}

// identify settles the request's ID and returns its trace context. Where the
// client brings none, both are made, from one number, so that a log line and a
// trace find each other.
func (c *call) identify() (traceparent string) {
	traceparent = first(c.r.Header["Traceparent"])
	if !validTrace(traceparent) {
		traceparent = newTrace()
	}
	if c.requestID = first(c.r.Header["X-Request-Id"]); !validID(c.requestID) {
		c.requestID = traceparent[3:35]
	}
	return traceparent
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// newTrace makes a W3C trace context, marked as sampled, so that an application
// that samples by its parent records as it would without one.
func newTrace() string {
	var id [24]byte
	for i := 0; i < len(id); i += 8 {
		binary.NativeEndian.PutUint64(id[i:], rand.Uint64()|1) //nolint:gosec // unique and not zero, not secret
	}
	b := append(make([]byte, 0, 55), "00-"...)
	b = append(hex.AppendEncode(b, id[:16]), '-')
	return string(append(hex.AppendEncode(b, id[16:]), "-01"...))
}

// validTrace reports whether s is a traceparent of version 00 or a later one
// that starts alike.
func validTrace(s string) bool {
	const shortest = len("00-") + 32 + 1 + 16 + len("-00")
	if len(s) < shortest || len(s) > 256 || s[2] != '-' || s[35] != '-' || s[52] != '-' || s[:2] == "ff" {
		return false
	}
	if len(s) > shortest && (s[:2] == "00" || s[shortest] != '-') {
		return false
	}
	return isHex(s[:2]) && isHex(s[53:55]) && isHex(s[3:35]) && isHex(s[36:52]) && !isZero(s[3:35]) && !isZero(s[36:52])
}

func isHex(s string) bool {
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}

func isZero(s string) bool {
	for i := range len(s) {
		if s[i] != '0' {
			return false
		}
	}
	return true
}

// validID reports whether a client's request ID is sane enough to go on with,
// into headers and logs.
func validID(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '_', c == '.', c == ':', c == '/', c == '=', c == '+':
		default:
			return false
		}
	}
	return true
}
