package hook

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestTailShowsTheEndAndNoSecret writes text with secrets in it, in pieces.
func TestTailShowsTheEndAndNoSecret(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secrets := []string{"longest-secret", "secret-b", "sec!"}
		words := rapid.SliceOfN(rapid.SampledFrom(append(secrets, "plain ", "words, ", "\n")), 1, 9).Draw(t, "words")
		text := strings.Repeat(strings.Join(words, ""), rapid.IntRange(0, 2000).Draw(t, "times"))
		tail := newTail(secrets)
		for rest := text; rest != ""; {
			n := rapid.IntRange(min(len(rest), 1000), len(rest)).Draw(t, "piece")
			_, _ = tail.Write([]byte(rest[:n]))
			rest = rest[n:]
		}
		shown := tail.String()
		for _, s := range secrets {
			if strings.Contains(shown, s) || strings.Contains(shown, s[1:]) {
				t.Fatalf("%q is shown", s)
			}
		}
		whole := strings.NewReplacer(secrets[0], "***", secrets[1], "***", secrets[2], "***").Replace(text)
		if end, cut := strings.CutPrefix(shown, "…"); !strings.HasSuffix(whole, end) || cut != (len(text) > outputLimit+len(secrets[0])) {
			t.Fatalf("shows %q", shown)
		}
		if len(shown) > outputLimit+len(secrets[0])+len("…") {
			t.Fatalf("shows %d bytes", len(shown))
		}
	})
}
