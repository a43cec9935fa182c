package hook

import (
	"strings"
	"sync"
)

// outputLimit bounds what is kept of a hook's output, in bytes.
const outputLimit = 8 << 10

// tail keeps the end of what is written to it, and shows it without secrets. It
// is safe for concurrent use.
type tail struct {
	secrets []string
	longest int // of the secrets

	mu   sync.Mutex
	kept []byte
	cut  bool // something before kept is gone
}

// newTail returns a tail that hides the secrets; longer ones come first.
func newTail(secrets []string) *tail {
	t := &tail{secrets: secrets}
	for _, s := range secrets {
		t.longest = max(t.longest, len(s))
	}
	return t
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	// One secret more is kept than is shown: what is cut in the middle is in it.
	if over := len(t.kept) - outputLimit - t.longest; over > 0 {
		t.kept, t.cut = append(t.kept[:0], t.kept[over:]...), true
	}
	return len(p), nil
}

// String returns the end of the output. A secret of which the beginning is cut
// off is left out with what is before it.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	hidden := 0
	var shown strings.Builder
	if t.cut {
		hidden = t.longest
		shown.WriteString("…")
	}
	for i := 0; i < len(t.kept); {
		text := string(t.kept[i:min(i+t.longest, len(t.kept))])
		n := 0
		for _, s := range t.secrets {
			if strings.HasPrefix(text, s) {
				n = len(s)
				break
			}
		}
		switch {
		case n > 0:
			if i += n; i > hidden {
				shown.WriteString("***")
			}
		default:
			if i >= hidden {
				shown.WriteByte(t.kept[i])
			}
			i++
		}
	}
	return strings.ToValidUTF8(shown.String(), "\uFFFD")
}

// hide replaces the secrets in a text.
func (t *tail) hide(text string) string {
	for _, s := range t.secrets {
		text = strings.ReplaceAll(text, s, "***")
	}
	return text
}
