package versionfile

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/davit-dev/davit"
)

// content has every kind of version file, with @ for the version and odd
// formats around it that have to stay.
func contents() map[string]string {
	return map[string]string{
		"package.json":                "{\"name\" :\"x\", \"nested\": {\"version\": \"9.9.9\"}, \"list\": [\"version\", {\"version\": \"8.8.8\"}],\n\t\"version\":   \"@\" }",
		"package-lock.json":           "{\n  \"version\": \"@\",\n  \"packages\": {\n    \"\": { \"version\": \"@\" },\n    \"node_modules/a\": { \"version\": \"1.2.3\" }\n  }\n}\r\n",
		"pyproject.toml":              "[build-system]\nversion = \"7.0.0\"\n\n[project] # here\nversion = '@'  # keep\nreadme = \"\"\"\n[project]\nversion = \"6.0.0\"\n\"\"\"\n",
		"poetry/pyproject.toml":       "[tool.poetry]\nname=\"x\"\nversion=\"@\"\n[tool.poetry.dependencies]\nversion = \"1.0.0\"",
		"Cargo.toml":                  "[package]\r\nname = \"x\"\r\nversion    = \"@\"\r\n[dependencies]\r\nserde = { version = \"1.0.0\" }\r\n",
		"workspace/Cargo.toml":        "[workspace.package]\nversion = \"@\"\n",
		"Cargo.lock":                  "version = 4\n\n[[package]]\nname = \"serde\"\nversion = \"1.2.3\"\nsource = \"registry\"\n\n[[package]]\nname = \"x\"\nversion = \"@\"\n",
		"pom.xml":                     "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<project>\n <!-- <version>0.0.1</version> -->\n <parent><version>5.0.0</version></parent>\n <version> @ </version>\n <dependencies><dependency><version>4.0.0</version></dependency></dependencies>\n</project>",
		"revision/pom.xml":            "<project><version>${revision}</version><properties><revision>@</revision></properties></project>",
		"build.gradle":                "plugins {\n  id 'x' version '3.0.0'\n}\nversion = '@' // keep\n",
		"build.gradle.kts":            "version = \"@\"\n",
		"gradle.properties":           "a=1.0.0\nversion=@\n",
		"x.csproj":                    "<Project Sdk=\"x\">\r\n  <PropertyGroup>\r\n    <Version>@</Version>\r\n  </PropertyGroup>\r\n  <ItemGroup><PackageReference Include=\"y\" Version=\"1.0.0\" /></ItemGroup>\r\n</Project>",
		"Directory.Build.props":       "<Project><PropertyGroup><VersionPrefix>@</VersionPrefix></PropertyGroup></Project>\n",
		"Chart.yaml":                  "apiVersion: v2\nversion: @ # chart\nappVersion: \"@\"\ndependencies:\n  - name: x\n    version: 1.0.0\n",
		"VERSION":                     "v@\n\n",
		"version.go":                  "package x\n\n// Version \"1.0.0\"\nconst (\n\tother = \"1.0.0\"\n\tVersion = `@`\n)\n",
		"openapi.yaml":                "openapi: 3.1.0\ninfo: # about\n  title: x\n  contact:\n    version: 1.0.0\n  version: '@'\npaths:\n  version: 1.0.0\n",
		"openapi.json":                "{\"openapi\":\"3.1.0\",\"info\":{\"version\":\"@\"},\"version\":\"1.0.0\"}",
		"variables.tf":                "variable \"other\" {\n  default = \"1.0.0\"\n}\n\nvariable \"app_version\" {\n  type    = string\n  default = \"@\"\n}\n",
		"settings/build.gradle":       "// version = '0.0.1'\n/*\nversion = '0.0.2'\n*/\nallprojects {\n    version = '@'\n    group = 'a{'\n}\ncheckstyle {\n    version = '9.0.0'\n}\n",
		"spec/openapi.yaml":           "# info:\nopenapi: 3.1.0\n\"info\":\n\n# not indented\n    # version: 0.0.1\n    title: x\n\n    license:\n        version: 2.0.0\n# between\n\n    version: @   # this\n\npaths:\n    version: 1.0.0\n",
		"modules/variables.tf":        "variable \"app_version\" {\n  description = \"a } of 1.0.0\"\n  # default = \"0.0.1\"\n  validation {\n    condition = true\n    default   = \"0.0.2\"\n  }\n  type = object({\n    default = \"0.0.3\"\n  })\n  default = \"@\"\n}\n\nlocals {\n  default = \"0.0.4\"\n}\n",
		"internal/version/version.go": "package version\n\nvar version = \"v@\"\n",
	}
}

func TestReplaceTouchesNothingElse(t *testing.T) {
	for name, template := range contents() {
		t.Run(name, func(t *testing.T) {
			before, after := strings.ReplaceAll(template, "@", "1.2.3-rc.1"), strings.ReplaceAll(template, "@", "1.3.0")
			spans, err := Locate([]byte(before), davit.VersionFile{Path: name})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range spans {
				if s.Version != "1.2.3-rc.1" {
					t.Errorf("found %q", s.Version)
				}
			}
			if diff := cmp.Diff(after, string(Replace([]byte(before), spans, "1.3.0"))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAnyFormOfAFileStays checks that whatever version is written into whatever
// kind of file, in every form that editors give it, no other byte changes.
func TestAnyFormOfAFileStays(t *testing.T) {
	templates := contents()
	names := slices.Sorted(maps.Keys(templates))
	version := rapid.StringMatching(`(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})(-(alpha|rc)\.[1-9])?`)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "file")
		template := templates[name]
		if rapid.Bool().Draw(t, "CRLF") {
			template = strings.ReplaceAll(strings.ReplaceAll(template, "\r\n", "\n"), "\n", "\r\n")
		}
		if rapid.Bool().Draw(t, "no line end at the end") {
			template = strings.TrimRight(template, "\r\n")
		}
		if rapid.Bool().Draw(t, "byte order mark") {
			template = "\uFEFF" + template
		}
		from, to := version.Draw(t, "from"), version.Draw(t, "to")
		before, after := strings.ReplaceAll(template, "@", from), strings.ReplaceAll(template, "@", to)
		spans, err := Locate([]byte(before), davit.VersionFile{Path: name})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(Replace([]byte(before), spans, to)); got != after {
			t.Fatalf("%q became %q, want %q", before, got, after)
		}
	})
}

func TestConfiguredFiles(t *testing.T) {
	tests := []struct {
		file          davit.VersionFile
		before, after string
	}{
		{davit.VersionFile{Path: "README.md"}, "use 1.0.0 <!-- " + Marker + " -->\nsince 1.0.0, see " + Marker + "\n", "use 2.0.0 <!-- " + Marker + " -->\nsince 1.0.0, see " + Marker + "\n"},
		{davit.VersionFile{Path: "install.sh"}, "get x@v1.0.0 # " + Marker + "\n", "get x@v2.0.0 # " + Marker + "\n"},
		{davit.VersionFile{Path: "x", Pattern: `image: x:(?P<version>\S+)`}, "image: x:1.0.0\nimage: x:1.0.0\n", "image: x:2.0.0\nimage: x:2.0.0\n"},
		{davit.VersionFile{Path: "a.go", Variable: "Release"}, "package a\n\nvar Release, other = \"1.0.0\", \"1.0.0\"\n", "package a\n\nvar Release, other = \"2.0.0\", \"1.0.0\"\n"},
		{davit.VersionFile{Path: "a.tf", Variable: "tag"}, "variable \"tag\" { default = \"1.0.0\" }\n", "variable \"tag\" { default = \"2.0.0\" }\n"},
		{davit.VersionFile{Path: "spec.yml", Kind: "openapi"}, "info:\n  version: 1.0.0\n", "info:\n  version: 2.0.0\n"},
	}
	for _, tt := range tests {
		spans, err := Locate([]byte(tt.before), tt.file)
		if err != nil {
			t.Errorf("%s: %v", tt.file.Path, err)
			continue
		}
		if got := string(Replace([]byte(tt.before), spans, "2.0.0")); got != tt.after {
			t.Errorf("%s is %q, want %q", tt.file.Path, got, tt.after)
		}
	}
}

// TestFlowForm reads OpenAPI documents whose info is a YAML flow mapping.
func TestFlowForm(t *testing.T) {
	for _, template := range []string{
		"openapi: 3.1.0\ninfo: {title: x, version: @}\npaths: {}\n",
		"openapi: 3.1.0\n\"info\": {\"title\":\"a, version: 0\",\"version\":\"@\"}\n",
		"info: { # version: 1.0.0\n  title: 'it''s, version: 1',\n  contact: {version: 1.0.0}, tags: [version, {version: 1.0.0}],\n  version: '@', # now\n  x: y }\nother: {version: 1.0.0}\n",
		"info: {version: @ # now\n  , title: version: x}\r\n",
		"info: {title: http://x:80/?version, version: @,}\n",
		"{openapi: 3.1.0, version: 1.0.0, info: {title: \"a \\\" version: 1\", version: @}}\n",
	} {
		with := func(version string) string { return strings.ReplaceAll(template, "@", version) }
		spans, err := Locate([]byte(with("1.2.3-rc.1")), davit.VersionFile{Path: "openapi.yaml"})
		if err != nil {
			t.Errorf("%q: %v", template, err)
			continue
		}
		if got := string(Replace([]byte(with("1.2.3-rc.1")), spans, "2.0.0")); got != with("2.0.0") {
			t.Errorf("%q became %q", template, got)
		}
	}
	for _, broken := range []string{
		"info: {version: 1.0.0", "info: {title: x}\ninfo:\n  version: 1.0.0\n", "info: {contact: {version: 1.0.0}}\n", "info: {'version\n", "info: {version: \"1\\",
		"info: " + strings.Repeat("{version: ", 100_000),
	} {
		if spans, err := Locate([]byte(broken), davit.VersionFile{Path: "openapi.yaml"}); !errors.Is(err, ErrNone) {
			t.Errorf("%.40q: %v, %v; want none", broken, spans, err)
		}
	}
}

func TestFilesWithoutAVersion(t *testing.T) {
	for name, content := range map[string]string{
		"package.json": "{\"private\":true}", "Cargo.toml": "[package]\nversion.workspace = true\n", "pyproject.toml": "[project]\ndynamic = [\"version\"]\n",
		"pom.xml": "<project><parent><version>1.0.0</version></parent></project>", "version.go": "package main\n\nvar version = \"dev\"\n",
		"VERSION": "see the tags\n", "build.gradle": "version = project.findProperty('v')\n", "README.md": "1.0.0\n", "openapi.yaml": "paths: {}\n",
	} {
		if spans, err := Locate([]byte(content), davit.VersionFile{Path: name}); !errors.Is(err, ErrNone) {
			t.Errorf("%s: %v, %v; want none", name, spans, err)
		}
	}
	for name, content := range map[string]string{"package.json": "{", "pom.xml": "<a>", "version.go": "package", "x": ""} {
		f := davit.VersionFile{Path: name}
		if name == "x" {
			f.Pattern = "("
		}
		if _, err := Locate([]byte(content), f); err == nil || errors.Is(err, ErrNone) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestKindsAreThoseOfTheConfiguration(t *testing.T) {
	known := slices.Sorted(maps.Keys(kinds()))
	if declared := slices.Sorted(slices.Values(davit.VersionFileKinds())); !slices.Equal(declared, known) {
		t.Errorf("the configuration knows %v, not %v", declared, known)
	}
}

func TestDetect(t *testing.T) {
	folder := fstest.MapFS{}
	want := 0
	for name, template := range contents() {
		folder[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(template, "@", "1.0.0"))}
		if !strings.Contains(name, "/") || strings.HasPrefix(name, "internal/") {
			want++
		}
	}
	files, err := Detect(folder)
	if err != nil || len(files) != want {
		t.Errorf("detected %d files, %v; want %d: %v", len(files), err, want, files)
	}
}

// FuzzLocate checks that no content makes a locator find a place that is not
// there, and that replacing a version by itself changes nothing.
func FuzzLocate(f *testing.F) {
	for name, template := range contents() {
		f.Add(name, strings.ReplaceAll(template, "@", "1.0.0"))
	}
	f.Add("openapi.yaml", "info: {title: 'x', contact: {version: 1.0.0}, \"version\": 1.0.0}\n")
	f.Fuzz(func(t *testing.T, name, content string) {
		spans, err := Locate([]byte(content), davit.VersionFile{Path: name})
		if err != nil {
			return
		}
		at := 0
		for _, s := range spans {
			if s.Start < at || s.End < s.Start || s.End > len(content) {
				t.Fatalf("%s: %+v is no place after %d", name, s, at)
			}
			at = s.End
			if got := string(Replace([]byte(content), []Span{s}, content[s.Start:s.End])); got != content {
				t.Fatalf("%s: %q became %q", name, content, got)
			}
		}
	})
}
