package server

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

// Tokens are the tokens that clients over TCP show, by the name of who has it.
type Tokens struct {
	entries []tokenEntry
}

// tokenEntry keeps a digest: what is compared is of one length, and a dump of
// memory shows no token.
type tokenEntry struct {
	name   string
	digest [sha256.Size]byte
}

// handed reports whether root gave the file to a server of another user.
func handed(info os.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && s.Uid == 0 && os.Getuid() != 0
}

const (
	maxTokenFile = 1 << 20
	minToken     = 20 // characters
)

var tokenName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$`) })

// LoadTokens reads a file with lines name:token; empty lines and those that
// begin with # say nothing. The file must be readable for its owner alone, or, when
// that is root and the server somebody else, for a group as well, which is how
// clusters hand files to their pods. No error repeats a token.
func LoadTokens(path string) (*Tokens, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: "cannot read the token file", Err: err}
	}
	if mode := info.Mode().Perm(); mode&0o037 != 0 || mode&0o040 != 0 && !handed(info) {
		return nil, &davit.Error{
			Code:    davit.CodeRefused,
			Message: fmt.Sprintf("others can read the token file %s (mode %04o)", path, mode),
			Hint:    "chmod 600 " + path + ", and replace its tokens if others use this machine",
		}
	}
	if !info.Mode().IsRegular() || info.Size() > maxTokenFile {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: "the token file " + path + " is no file of 1 MiB at most"}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: "cannot read the token file", Err: err}
	}
	return parseTokens(path, text)
}

func parseTokens(path string, text []byte) (*Tokens, error) {
	t := &Tokens{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, token, ok := strings.Cut(line, ":")
		switch {
		case !ok || !tokenName().MatchString(name):
			return nil, tokenError(path, number, "is not name:token")
		case len(token) < minToken:
			return nil, tokenError(path, number, fmt.Sprintf("has a token shorter than %d characters", minToken))
		}
		t.entries = append(t.entries, tokenEntry{name: name, digest: sha256.Sum256([]byte(token))})
	}
	if lines.Err() != nil {
		return nil, tokenError(path, len(t.entries)+1, "is too long")
	}
	if len(t.entries) == 0 {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: "the token file " + path + " holds no token", Hint: "write lines name:token"}
	}
	return t, nil
}

func tokenError(path string, line int, what string) error {
	return &davit.Error{
		Code: davit.CodeInvalid, Message: fmt.Sprintf("%s:%d %s", path, line, what),
		Hint: "write lines name:token, with a token such as `openssl rand -hex 32` prints",
	}
}

// holder returns the name of who has the token. It takes the same time for
// every token of whatever content.
func (t *Tokens) holder(token string) (name string, ok bool) {
	digest := sha256.Sum256([]byte(token))
	for _, e := range t.entries {
		if subtle.ConstantTimeCompare(digest[:], e.digest[:]) == 1 {
			name, ok = e.name, true
		}
	}
	return name, ok
}

// guard lets requests through that carry a token and were not sent by another
// site's page in a browser.
func (t *Tokens) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if crossSite(r) {
			refuse(w, http.StatusForbidden, "the API does not answer pages of other sites", "")
			return
		}
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok && r.URL.Path == "/healthz" {
			next.ServeHTTP(w, r)
			return
		}
		name, known := t.holder(token)
		if !known {
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, "the server does not know this token", "set DAVIT_TOKEN to one that its administrator gave you")
			return
		}
		next.ServeHTTP(w, r.WithContext(withActor(r.Context(), "token "+name)))
	})
}

// crossSite reports whether a browser sent the request for a page that is not
// of this server.
func crossSite(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return r.Header.Get("Sec-Fetch-Site") == "cross-site"
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host != r.Host
}

func refuse(w http.ResponseWriter, status int, detail, hint string) {
	p := api.StatusProblem(status, detail, hint)
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone: nobody to tell
}
