package receipt

import "testing"

// The example of the DSSE specification.
func TestPreAuthenticationEncoding(t *testing.T) {
	for _, c := range []struct{ kind, payload, want string }{
		{"http://example.com/HelloWorld", "hello world", "DSSEv1 29 http://example.com/HelloWorld 11 hello world"},
		{"", "", "DSSEv1 0  0 "},
		{"é", "日", "DSSEv1 2 é 3 日"}, // lengths are in bytes
	} {
		if got := string(pae(c.kind, []byte(c.payload))); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
