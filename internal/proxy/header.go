package proxy

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// isHop reports whether a header field concerns one connection only. Such
// fields are not forwarded (RFC 9110, section 7.6.1).
func isHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// named returns the further fields that a Connection header declares to concern
// this connection only; nil in the common cases.
func named(connection []string) map[string]bool {
	var names map[string]bool
	for _, line := range connection {
		if line == "keep-alive" || line == "close" {
			continue
		}
		for name := range strings.SplitSeq(line, ",") {
			if names == nil {
				names = map[string]bool{}
			}
			names[textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))] = true
		}
	}
	return names
}

// hasToken reports whether a comma separated list holds a token, whatever its case.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// isReplaced reports whether the proxy speaks for the field itself.
func isReplaced(name string) bool {
	switch name {
	case "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded",
		"X-Request-Id", "Traceparent", releaseHeader:
		return true
	}
	return false
}

// appendRequest writes the request line and header as they go to an HTTP/1.1
// instance, and the body that was read ahead.
func appendRequest(b []byte, q *request) []byte {
	in := q.in
	b = append(b, in.Method...)
	b = append(b, ' ')
	if target := in.RequestURI; target != "" && (target[0] == '/' || target == "*") {
		b = append(b, target...)
	} else {
		b = append(b, in.URL.RequestURI()...)
	}
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendField(b, "Host", in.Host)
	drop := named(in.Header["Connection"])
	for name, values := range in.Header {
		if isHop(name) || isReplaced(name) || name == "Content-Length" || name == "Expect" && !q.stream || drop[name] {
			continue
		}
		for _, value := range values {
			b = appendField(b, name, value)
		}
	}
	if hasToken(in.Header["Te"], "trailers") {
		b = append(b, "Te: trailers\r\nConnection: Te\r\n"...)
	}
	for _, f := range q.out {
		b = appendField(b, f.name, f.value)
	}
	if q.upgrade != "" {
		b = append(b, "Connection: Upgrade\r\n"...)
		b = appendField(b, "Upgrade", q.upgrade)
	}
	b = appendFraming(b, q)
	b = append(b, "\r\n"...)
	return append(b, q.body...)
}

// appendFraming writes what tells the instance where the body ends.
func appendFraming(b []byte, q *request) []byte {
	switch {
	case q.stream && q.in.ContentLength < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
		for name := range q.in.Trailer {
			b = appendField(b, "Trailer", name)
		}
		return b
	case q.in.ContentLength > 0:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, q.in.ContentLength, 10)
		return append(b, "\r\n"...)
	}
	switch q.in.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return append(b, "Content-Length: 0\r\n"...)
	}
	return b
}

// appendTrailer writes the end of a chunked body. Unlike headers, trailers have
// not been checked by the server that received them.
func appendTrailer(b []byte, trailer http.Header) []byte {
	for name, values := range trailer {
		if isHop(name) || isReplaced(name) || name == "Content-Length" || name == "Host" || !httpguts.ValidHeaderFieldName(name) {
			continue
		}
		for _, value := range values {
			if httpguts.ValidHeaderFieldValue(value) {
				b = appendField(b, name, value)
			}
		}
	}
	return append(b, "\r\n"...)
}

// validTarget reports whether a request target can stand in a request line. That
// of an HTTP/2 request may hold what would end it there.
func validTarget(target string) bool {
	for i := range len(target) {
		if target[i] <= ' ' || target[i] == 0x7f {
			return false
		}
	}
	return true
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// h2Header returns the header as it goes to an HTTP/2 instance.
func h2Header(q *request) http.Header {
	header := make(http.Header, len(q.in.Header)+len(q.out))
	drop := named(q.in.Header["Connection"])
	for name, values := range q.in.Header {
		if !isHop(name) && !isReplaced(name) && name != "Expect" && !drop[name] {
			header[name] = values
		}
	}
	if hasToken(q.in.Header["Te"], "trailers") {
		header["Te"] = []string{"trailers"}
	}
	for _, f := range q.out {
		header[f.name] = []string{f.value}
	}
	if header["User-Agent"] == nil {
		header["User-Agent"] = []string{""} // or the transport would add its own
	}
	return header
}
