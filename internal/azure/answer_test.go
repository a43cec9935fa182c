package azure

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Whatever a server says why it refuses, a line of bounded length comes of it,
// without the token that it was shown.
func FuzzReason(f *testing.F) {
	const secret = "opaque-token" // not every token looks like one
	f.Add([]byte(`{"error":"invalid_client","error_description":"AADSTS700024: 'opaque-token'\r\nTrace ID: x"}`))
	f.Add([]byte(`{"errors":[{"code":"UNAUTHORIZED","message":"opaque-token\u0000opaque-token"}]}`))
	f.Add([]byte(`{"errors":[{}],"error":"opaque-token","error_description":"eyJ"}`))
	f.Add([]byte(`{"error":{"code":"Unauthorized"}}`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		text := reason(body, secret)
		if strings.Contains(text, secret) || strings.Contains(text, "eyJ") {
			t.Errorf("it has a token: %q", text)
		}
		if n := utf8.RuneCountInString(text); n > maxReason+2 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("it is no line of %d: %q", maxReason, text)
		}
	})
}
