package load

import (
	"net/http"
	"strings"
	"sync"
)

// maxCookies bounds what a user remembers.
const maxCookies = 16

// user keeps the cookies that it was given. A nil user keeps none.
type user struct {
	mu      sync.Mutex
	cookies []*http.Cookie
	line    string
}

// cookie returns the value of the header Cookie.
func (u *user) cookie() string {
	if u == nil {
		return ""
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.line
}

// remember keeps the cookies of an answer.
func (u *user) remember(header http.Header) {
	if u == nil || len(header["Set-Cookie"]) == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, c := range (&http.Response{Header: header}).Cookies() {
		u.keep(c)
	}
	parts := make([]string, len(u.cookies))
	for i, c := range u.cookies {
		parts[i] = c.Name + "=" + c.Value
	}
	u.line = strings.Join(parts, "; ")
}

func (u *user) keep(c *http.Cookie) {
	for i, known := range u.cookies {
		if known.Name == c.Name {
			u.cookies[i] = c
			return
		}
	}
	if len(u.cookies) < maxCookies {
		u.cookies = append(u.cookies, c)
	}
}
