package config

import (
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/davit-dev/davit"
)

// raw is text that is not empty, without variables.
func raw() form[string] {
	f := plain()
	f.expands = never
	return f
}

// tagPrefix is how the names of tags begin.
func tagPrefix() form[string] {
	return patterned("the beginning of a tag", `^([^-\x00-\x20\x7f~^:?*\[\\/][^\x00-\x20\x7f~^:?*\[\\]*)?$`, "such as v, or api/v; it may be empty")
}

func stableVersion() form[string] {
	return patterned("a stable version", `^(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})$`, "such as 0.1.0")
}

func remoteName() form[string] {
	return patterned("a remote's name", `^[A-Za-z0-9_][^\x00-\x20\x7f]*$`, "such as origin")
}

func typeName() form[string] {
	return patterned("a type of commits", `^[A-Za-z][A-Za-z0-9_-]*$`, "such as feat or fix")
}

func channelName() form[string] {
	return patterned("a channel", `^[0-9A-Za-z-]*[A-Za-z-][0-9A-Za-z-]*$`, "a channel has letters, digits and -, such as beta")
}

func versionRange() form[string] {
	return patterned("a range of versions", `^[0-9]{1,18}(\.[0-9]{1,18})?\.x$`, "write 1.x or 1.2.x")
}

func packageName() form[string] {
	return patterned("a package's name", `^[A-Za-z0-9@][A-Za-z0-9@._/-]*$`, "names have letters, digits and . _ - /")
}

// commitSubject is the line that a release's commit begins with.
func commitSubject() form[string] {
	return patterned("one line with %s once, for the tags", `^[^%\r\n]*%s[^%\r\n]*$`, `write it as "chore(release): %s"`)
}

func webAddress() form[string] {
	f := raw()
	f.words = "a web address"
	f.parse = func(w word) (string, *wrong) {
		u, err := url.Parse(w.text)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
			return "", wrongf("write it as https://github.example.com/api/v3", "must be a web address, not %q", clip(w.text))
		}
		return w.text, nil
	}
	return f
}

// glob is a pattern by path.Match.
func glob() form[string] {
	f := literal(never)
	f.words, f.schema = "a name or pattern", schema{"type": []string{"string", "number"}}
	f.parse = func(w word) (string, *wrong) {
		if _, err := path.Match(w.text, ""); err != nil || w.text == "" {
			return "", wrongf("* stands for any text without /, ? for one character, [a-z] for one of them", "must be a pattern, not %q", clip(w.text))
		}
		return w.text, nil
	}
	return f
}

// repositoryPath is a path inside the repository.
func repositoryPath() form[string] {
	f := raw()
	f.words = "a path in the repository"
	parse := f.parse
	f.parse = func(w word) (string, *wrong) {
		p, wrong := parse(w)
		if wrong != nil {
			return "", wrong
		}
		if clean := path.Clean(p); !filepath.IsLocal(p) || strings.Contains(p, `\`) || clean == ".git" || strings.HasPrefix(clean, ".git/") {
			return "", wrongf("write it with slashes, from the repository's root", "must be a path inside the repository, not %q", clip(p))
		}
		return path.Clean(p), nil
	}
	return f
}

// versionPattern is a regular expression with a group around the version.
func versionPattern() form[string] {
	f := raw()
	f.words = "a regular expression"
	parse := f.parse
	f.parse = func(w word) (string, *wrong) {
		p, wrong := parse(w)
		if wrong != nil {
			return "", wrong
		}
		if expression, err := regexp.Compile(p); err != nil || expression.NumSubexp() == 0 {
			return "", wrongf(`such as 'VERSION=(\S+)'`, "must be a regular expression with a group around the version, not %q", clip(p))
		}
		return p, nil
	}
	return f
}

// bump is the part of a version that is raised.
func bump() form[davit.Bump] {
	words := oneWord(davit.Bumps()...)
	return form[davit.Bump]{words: words.words, schema: words.schema, parse: func(w word) (davit.Bump, *wrong) {
		text, wrong := words.parse(w)
		var b davit.Bump
		if wrong == nil {
			_ = b.UnmarshalText([]byte(text)) // it is one of the words
		}
		return b, wrong
	}}
}
