package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSplitWords(t *testing.T) {
	for line, want := range map[string][]string{
		"shop web":                       {"shop", "web"},
		"  shop\t--name  ''  ":           {"shop", "--name", ""},
		`say 'a "b" \c' "d 'e' \"f\""`:   {"say", `a "b" \c`, `d 'e' "f"`},
		`a\ b c"d"'e'`:                   {"a b", "cde"},
		`sh -c "cd /srv && ./run"`:       {"sh", "-c", "cd /srv && ./run"},
		`grep '|' "&&"`:                  {"grep", "|", "&&"},
		`printf "a\nb"`:                  {"printf", `a\nb`},
		"":                               nil,
		"listen 127.0.0.1:${PORT} a=b&c": {"listen", "127.0.0.1:${PORT}", "a=b&c"},
	} {
		got, wrong := splitWords(line)
		if wrong != nil {
			t.Errorf("splitWords(%q): %s", line, wrong.message)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("splitWords(%q):\n%s", line, diff)
		}
	}
	for _, line := range []string{"a 'b", `a "b`, `a \`, "a && b", "a | b", "a > b", "a ; b", "a &"} {
		if got, wrong := splitWords(line); wrong == nil {
			t.Errorf("splitWords(%q) = %q, want a refusal", line, got)
		}
	}
}

// What is quoted as a shell wants it comes back as it was.
func TestSplitWordsTakesQuotedWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(rapid.String()).Draw(t, "words")
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		got, wrong := splitWords(strings.Join(quoted, " "))
		if wrong != nil {
			t.Fatal(wrong.message)
		}
		if !slices.Equal(got, words) {
			t.Fatalf("splitWords gave %q, want %q", got, words)
		}
	})
}

func TestExpand(t *testing.T) {
	r := reader{variables: map[string]string{"version": "v2", "environment": "e", "application": "a"}}
	for _, c := range []struct {
		text string
		how  expansion
		want string // "" is a refusal
	}{
		{"${application}-${version}", strictly, "a-v2"},
		{"$5 and $HOME", strictly, "$5 and $HOME"},
		{"$$ $${version} $$$${version}", strictly, "$ ${version} $${version}"},
		{"${PORT}", atRuntime, "${PORT}"},
		{"${PORT}", strictly, ""},
		{"${port}", atRuntime, ""},
		{"${", strictly, ""},
		{"${}", atRuntime, ""},
		{"${version", strictly, ""},
	} {
		got, wrong := r.expandText(c.text, c.how, false)
		if (wrong != nil) != (c.want == "") || wrong == nil && got != c.want {
			t.Errorf("expandText(%q) = %q, %v, want %q", c.text, got, wrong, c.want)
		}
	}
}

// Text without a dollar sign stays, and doubling dollar signs protects any text.
func TestExpandProtected(t *testing.T) {
	r := reader{variables: map[string]string{"version": "v2"}}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		got, wrong := r.expandText(strings.ReplaceAll(text, "$", "$$"), strictly, false)
		if wrong != nil || got != text {
			t.Fatalf("got %q, %v, want %q", got, wrong, text)
		}
	})
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"port", "port", 0}, {"port", "prot", 1}, {"comand", "command", 1},
		{"readyness", "readiness", 1}, {"abc", "", 3}, {"kitten", "sitting", 3},
		{strings.Repeat("x", 65), "x", 64},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-d]{0,8}`)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := distance(a, b)
		if d != distance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) {
			t.Fatalf("distance(%q, %q) = %d, and %d the other way", a, b, d, distance(b, a))
		}
	})
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "64k": 64_000, "64Ki": 65_536, "1.5Mi": 1_572_864, "2G": 2_000_000_000,
		"0": 0, "-1": 0, "1e400": 0, "Mi": 0, "1Kk": 0, "1mi": 0, "NaN": 0, "1000Ti": 1000 << 40, "5000Ti": 0, "": 0,
	} {
		got, wrong := size[int64](1 << 50).parse(word{text, "text"})
		if got != want || (wrong != nil) != (want == 0) {
			t.Errorf("size %q = %d, %v, want %d", text, got, wrong, want)
		}
	}
}

func TestWeights(t *testing.T) {
	for text, want := range map[string]int{"0.1%": 1, "5%": 50, "99.9%": 999, "100%": 1000, "33.3%": 333, "0%": 0} {
		if got, wrong := weight().parse(word{text, "text"}); got != want || wrong != nil {
			t.Errorf("weight %s = %d, %v, want %d", text, got, wrong, want)
		}
	}
	for _, text := range []string{"5", "0.05%", "-1%", "100.1%", "%", "x%", "NaN%", "Inf%"} {
		if got, wrong := weight().parse(word{text, "text"}); wrong == nil {
			t.Errorf("weight %s = %d, want a refusal", text, got)
		}
	}
}

func TestAddressesAndHosts(t *testing.T) {
	for text, ok := range map[string]bool{
		":8080": true, "127.0.0.1:1": true, "[::1]:80": true, "localhost:65535": true,
		"8080": false, ":0": false, ":65536": false, "::1:80": false, "a b:80": false, "[::1]": false, "": false,
	} {
		if _, wrong := address().parse(word{text, "text"}); (wrong == nil) != ok {
			t.Errorf("address %q: %v, want it to be fine: %v", text, wrong, ok)
		}
	}
	for text, ok := range map[string]bool{
		"shop.example.org": true, "Shop.Example.ORG": true, "*.example.org": true, "10.0.0.1": true, "::1": true, "localhost": true,
		"*": false, "*.": false, "a..b": false, "-a.b": false, "a.b:80": false, "http://a": false, "a/b": false, "*.*.org": false, "": false,
		strings.Repeat("a", 64): false, strings.Repeat("a.", 130) + "a": false,
	} {
		if _, wrong := host(true).parse(word{text, "text"}); (wrong == nil) != ok {
			t.Errorf("host %q: %v, want it to be fine: %v", text, wrong, ok)
		}
	}
}
