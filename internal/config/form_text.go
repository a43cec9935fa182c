package config

import (
	"fmt"
	"net"
	"net/netip"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/davit-dev/davit"
)

// patterned is text that matches a pattern.
func patterned(words, pattern, hint string) form[string] {
	matches := onUse(pattern)
	return form[string]{
		words: words, schema: schema{"type": "string", "pattern": pattern},
		parse: func(w word) (string, *wrong) {
			if !matches().MatchString(w.text) {
				return "", wrongf(hint, "must be %s, not %q", words, clip(w.text))
			}
			return w.text, nil
		},
	}
}

// label is the name of an application, a service or an environment.
func label() form[string] {
	return patterned("a lower-case name", `^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`,
		"names have lower-case letters, digits and -, as host names do, and at most 63 characters")
}

func variableName() form[string] {
	return patterned("a variable's name", `^[A-Za-z_][A-Za-z0-9_]*$`, "such a name has letters, digits and _")
}

func headerName() form[string] {
	return patterned("a header's name", "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", "")
}

// plain is text with variables that is not empty.
func plain() form[string] {
	return form[string]{
		words: "text", schema: schema{"type": "string", "minLength": 1}, expands: strictly,
		parse: func(w word) (string, *wrong) {
			switch {
			case w.kind != text:
				return "", wrongf("put it in quotes", "must be text, not %s", clip(w.text))
			case w.text == "":
				return "", wrongf("give it a value, or remove the key", "is empty")
			case strings.ContainsRune(w.text, 0):
				return "", wrongf("", "has a NUL character")
			}
			return w.text, nil
		},
	}
}

// literal is any scalar, taken as it is written.
func literal(expands expansion) form[string] {
	return form[string]{
		words: "text", schema: schema{"type": []string{"string", "number", "boolean"}}, expands: expands,
		parse: func(w word) (string, *wrong) {
			if strings.ContainsRune(w.text, 0) {
				return "", wrongf("", "has a NUL character")
			}
			return w.text, nil
		},
	}
}

var (
	environmentReference = onUse(`^env:[A-Za-z_][A-Za-z0-9_]*$`)
	fileReference        = onUse(`^file:[^/]|^file:/[^/]`)
	secretReference      = onUse(`^secret:[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9._-]+$`)
)

// isReference reports whether text names a secret rather than being one.
func isReference(text string) bool {
	return environmentReference().MatchString(text) || fileReference().MatchString(text) && !strings.Contains(text, "\n")
}

// variable is the value of an environment variable. A reference would reach
// the instance as it stands, which nobody means.
func variable() form[string] {
	f := literal(strictly)
	parse := f.parse
	f.parse = func(w word) (string, *wrong) {
		if environmentReference().MatchString(w.text) || secretReference().MatchString(w.text) || strings.HasPrefix(w.text, "file:/") && !strings.HasPrefix(w.text, "file://") {
			return "", wrongf("move it to secrets:, whose values are read when an instance starts; for a file URL write file:///",
				"looks like the reference to a secret, and under env it would be plain text")
		}
		return parse(w)
	}
	return f
}

// reference names where a secret is; with cluster it may be a key of a Secret.
// Its problems never repeat the text, which may be the secret itself.
func reference(cluster bool) form[string] {
	pattern, hint := `^env:[A-Za-z_$][A-Za-z0-9_${}]*$|^file:.+`, "write env:NAME for a variable of davit's own environment, or file:/path"
	if cluster {
		pattern, hint = pattern+`|^secret:.+/.+`, hint+"; on a cluster secret:NAME/KEY"
	}
	return form[string]{
		words:   "a reference to a secret",
		schema:  schema{"type": "string", "pattern": pattern},
		expands: strictly,
		parse: func(w word) (string, *wrong) {
			if !isReference(w.text) && (!cluster || !secretReference().MatchString(w.text)) {
				return "", wrongf(hint, "must be a reference to a secret, not the secret")
			}
			return w.text, nil
		},
	}
}

var hostForm = onUse(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)

// headerValue is text that can stand in a header.
func headerValue() form[string] {
	f := literal(strictly)
	f.parse = func(w word) (string, *wrong) {
		if strings.ContainsFunc(w.text, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			return "", wrongf("", "must be one line without control characters")
		}
		return w.text, nil
	}
	return f
}

// host is a host name or address without a port, in lower case; with wildcard
// also one that starts with "*.".
func host(wildcard bool) form[string] {
	hint := "write it as shop.example.org, without scheme, port and path"
	if wildcard {
		hint += "; *.example.org stands for all below"
	}
	return form[string]{
		words: "a host name", schema: schema{"type": "string", "minLength": 1}, expands: strictly,
		parse: func(w word) (string, *wrong) {
			name := strings.ToLower(w.text)
			rest := name
			if wildcard {
				rest = strings.TrimPrefix(name, "*.")
			}
			if _, err := netip.ParseAddr(rest); err == nil && rest == name {
				return name, nil
			}
			if len(name) > 253 || !hostForm().MatchString(rest) {
				return "", wrongf(hint, "must be a host name, not %q", clip(w.text))
			}
			return name, nil
		},
	}
}

// address is where to listen: host:port, the host may be empty.
func address() form[string] {
	return form[string]{
		words: "an address", schema: schema{"type": "string", "minLength": 1}, expands: strictly,
		parse: func(w word) (string, *wrong) {
			name, digits, err := net.SplitHostPort(w.text)
			if err != nil {
				hint := "write it as :8080 or 127.0.0.1:8080"
				if w.kind == whole {
					hint = fmt.Sprintf("write %q", ":"+clip(w.text))
				}
				return "", wrongf(hint, "must be an address with a port, not %q", clip(w.text))
			}
			if n, err := strconv.Atoi(digits); err != nil || n < 1 || n > 65535 {
				return "", wrongf("", "must have a port from 1 to 65535, not %q", clip(digits))
			}
			if _, err := netip.ParseAddr(name); err != nil && name != "" && !hostForm().MatchString(strings.ToLower(name)) {
				return "", wrongf("", "must have a host that exists, not %q", clip(name))
			}
			return w.text, nil
		},
	}
}

// network is a range of addresses.
func network() form[string] {
	return form[string]{
		words: "a network in CIDR form", schema: schema{"type": "string", "minLength": 1}, expands: strictly,
		parse: func(w word) (string, *wrong) {
			prefix, err := netip.ParsePrefix(w.text)
			if err == nil {
				return prefix.Masked().String(), nil
			}
			hint := "write it as 10.0.0.0/8 or 192.0.2.7/32"
			if a, err := netip.ParseAddr(w.text); err == nil && a.Zone() == "" {
				hint = fmt.Sprintf("did you mean %q?", netip.PrefixFrom(a, a.BitLen()))
			}
			return "", wrongf(hint, "must be a network, not %q", clip(w.text))
		},
	}
}

// urlPath is the path of a request, with a query where allowed.
func urlPath(query bool) form[string] {
	return form[string]{
		words: "a path", schema: schema{"type": "string", "pattern": "^/"}, expands: strictly,
		parse: func(w word) (string, *wrong) {
			if !strings.HasPrefix(w.text, "/") {
				return "", wrongf(fmt.Sprintf("did you mean %q?", "/"+clip(w.text)), "must start with /, unlike %q", clip(w.text))
			}
			if strings.ContainsFunc(w.text, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '#' || c == '?' && !query }) {
				return "", wrongf("", "must be a path only, without blanks, ? and #, unlike %q", clip(w.text))
			}
			return w.text, nil
		},
	}
}

// prefix is the start of a path, without a slash at its end: it is matched at
// segment boundaries anyway.
func prefix() form[string] {
	f := urlPath(false)
	parse := f.parse
	f.parse = func(w word) (string, *wrong) {
		p, wrong := parse(w)
		if wrong == nil && path.Clean(p) != p && path.Clean(p)+"/" != p {
			return "", wrongf(fmt.Sprintf("did you mean %q?", path.Clean(p)), "must be a clean path, unlike %q", clip(p))
		}
		return path.Clean(p), wrong
	}
	return f
}

// inside is a relative path that stays inside its folder.
func inside() form[string] {
	f := plain()
	f.words = "a relative path"
	parse := f.parse
	f.parse = func(w word) (string, *wrong) {
		p, wrong := parse(w)
		if wrong != nil {
			return "", wrong
		}
		if !filepath.IsLocal(p) || path.Clean(p) == "." {
			return "", wrongf("write it as conf/app.json", "must be a path inside the instance's working directory, not %q", clip(p))
		}
		return path.Clean(p), nil
	}
	return f
}

// permissions are the mode bits of a file, in octal.
func permissions() form[uint32] {
	return form[uint32]{
		words:  "permission bits in octal",
		schema: schema{"type": []string{"string", "integer"}},
		parse: func(w word) (uint32, *wrong) {
			v, err := strconv.ParseUint(strings.TrimPrefix(w.text, "0o"), 8, 32)
			if err != nil || v == 0 || v > 0o777 {
				return 0, wrongf(`write it as "0644"`, "must be permission bits in octal, not %q", clip(w.text))
			}
			return uint32(v), nil
		},
	}
}

func protocol() form[davit.Protocol] {
	return oneWord(davit.ProtocolHTTP1, davit.ProtocolH2C, davit.ProtocolGRPC)
}

func strategyKind() form[davit.StrategyKind] {
	return oneWord(davit.KindBlueGreen, davit.KindCanary, davit.KindRolling)
}

func onDrift() form[davit.OnDrift] { return oneWord(davit.DriftCorrect, davit.DriftPause) }

func onInterrupt() form[davit.OnInterrupt] {
	return oneWord(davit.InterruptResume, davit.InterruptRollback)
}

// onUse is a regular expression that is compiled when it is used first: not by
// every command as it starts.
func onUse(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
