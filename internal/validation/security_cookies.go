package validation

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

type cookiesParams struct {
	Paths  []string `json:"paths"`  // that set cookies
	Except []string `json:"except"` // names of cookies that scripts have to read
}

func (p *cookiesParams) check() error {
	if len(p.Paths) == 0 {
		return errors.New("paths cannot be empty")
	}
	return nil
}

// securityCookies want cookies to be kept from scripts, from plain HTTP and
// from other sites.
func securityCookies() []Check {
	return []Check{define(Check{
		ID: "security.cookies", Category: Security, Severity: davit.Advisory,
		Proves: "cookies are HttpOnly and SameSite, and Secure where there is HTTPS",
		Hint:   "set the flags; name a cookie that scripts have to read with: {except: […]}",
	}, cookiesParams{Paths: []string{"/"}, Except: []string{}}, func(ctx context.Context, x *exam, p cookiesParams) error {
		found := 0
		for _, path := range p.Paths {
			a, err := x.get(ctx, x.front(), path)
			if err != nil {
				return err
			}
			for _, c := range a.Cookies() {
				found++
				missing := missingFlags(c, x.base.Scheme == "https", slices.Contains(p.Except, c.Name))
				came := "all flags are set"
				if len(missing) > 0 {
					came = "without " + strings.Join(missing, ", ")
				}
				x.expect(len(missing) == 0, a.asked+", cookie "+c.Name, came, "HttpOnly, SameSite, and Secure over HTTPS")
			}
		}
		if found == 0 {
			return skip("no cookie is set under %s", strings.Join(p.Paths, ", "))
		}
		return nil
	})}
}

func missingFlags(c *http.Cookie, secure, readable bool) []string {
	var missing []string
	if !c.HttpOnly && !readable {
		missing = append(missing, "HttpOnly")
	}
	if c.SameSite == 0 || c.SameSite == http.SameSiteDefaultMode || c.SameSite == http.SameSiteNoneMode && !c.Secure {
		missing = append(missing, "SameSite")
	}
	if secure && !c.Secure {
		missing = append(missing, "Secure")
	}
	return missing
}
