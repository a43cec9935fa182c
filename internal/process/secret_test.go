package process

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/davit-dev/davit"
)

func TestResolveSecrets(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return "file:" + path
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	look := func(name string) (string, bool) { return "from the environment", name == "SET" }
	const huge = secretLimit
	for name, test := range map[string]struct{ reference, want, err string }{
		"variable":          {"env:SET", "from the environment", ""},
		"unset variable":    {"env:UNSET", "", "no such variable"},
		"file":              {write("plain", "s3cret"), "s3cret", ""},
		"line's end":        {write("line", "s3cret\n"), "s3cret", ""},
		"one line's end":    {write("lines", "a\nb\n\n"), "a\nb\n", ""},
		"Windows' end":      {write("crlf", "s3cret\r\n"), "s3cret", ""},
		"as long as may be": {write("long", strings.Repeat("x", huge)+"\r\n"), strings.Repeat("x", huge), ""},
		"too long":          {write("longer", strings.Repeat("x", huge+1)), "", "longer than 65536 bytes"},
		"zero byte":         {write("zero", "s3c\x00ret"), "", "zero byte"},
		"no file":           {"file:" + dir + "/none", "", "no such file"},
		"folder":            {"file:" + dir, "", "not a regular file"},
		"pipe":              {"file:" + dir + "/pipe", "", "not a regular file"},
		"another kind":      {"vault:x", "", "only env: and file:"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := resolveSecrets(map[string]string{"KEY": test.reference}, look)
			if test.err == "" {
				if err != nil || got["KEY"] != test.want {
					t.Errorf("got %.20q, %v", got["KEY"], err)
				}
				return
			}
			if err == nil || !errors.Is(err, errUnresolved) || !strings.Contains(err.Error(), test.err) || !strings.Contains(err.Error(), test.reference) {
				t.Errorf("got %v, want %s", err, test.err)
			}
			if err != nil && strings.Contains(err.Error(), "s3c") {
				t.Errorf("the error tells the value: %v", err)
			}
		})
	}
}

func TestMasker(t *testing.T) {
	mask := newMasker([]string{"A=one", "B=one two", "C=", "D=first line\nsecond line\n", "E=public"},
		map[string]string{"A": "", "B": "", "C": "", "D": ""})
	got := mask.Replace("one; one two; second line, first line: public")
	if want := "***; ***; ***, ***: public"; got != want || mask.blind {
		t.Errorf("got %q, want %q", got, want)
	}
	if !newMasker([]string{"A=one"}, map[string]string{"A": "", "B": ""}).blind {
		t.Error("a masker that lacks a value does not know")
	}
}

func TestSecretsStayInTheProcess(t *testing.T) {
	const value = "hunter2-do-not-tell"
	dir := t.TempDir()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(value+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := open(t, Config{Dir: dir})
	f := runtimeOf(t, h)
	f.declare(release(t, "v1", nil, service(t, "http", func(s *davit.Service) {
		s.Secrets = map[string]string{"TOKEN": "file:" + file}
		s.Command = append(s.Command, "${TOKEN}")
	})), 1)
	i := f.untilReady(1)[0]
	if !strings.Contains(ask(t, i, "/env"), "TOKEN="+value+"\n") {
		t.Error("the instance does not have its secret")
	}
	argv, err := os.ReadFile(procPath(h.instances[i.ID].record().Process.PID, "cmdline"))
	if err != nil || !strings.HasSuffix(string(argv), "\x00${TOKEN}\x00") {
		t.Errorf("arguments %q, %v", argv, err)
	}
	if strings.Contains(everything(t, dir), value) {
		t.Error("the secret is on disk")
	}
}

func TestReservedVariablesAreRefused(t *testing.T) {
	f := runtimeOf(t, open(t, Config{}))
	for name, change := range map[string]func(*davit.Service){
		"mark":         func(s *davit.Service) { s.Env["DAVIT_STATE"] = "x" },
		"port":         func(s *davit.Service) { s.Env["PORT"] = "8080" },
		"secret mark":  func(s *davit.Service) { s.Secrets = map[string]string{"DAVIT_INSTANCE": "env:X"} },
		"no name":      func(s *davit.Service) { s.Env["A=B"] = "x" },
		"file outside": func(s *davit.Service) { s.Files = []davit.File{{Path: "../x"}} },
		"no command":   func(s *davit.Service) { s.Command = nil },
		"unsafe name":  func(s *davit.Service) { s.Name = "../x" },
		"not pinned":   func(s *davit.Service) { s.Artifact = "/bin/sh" },
	} {
		r := release(t, name, nil, service(t, "http", change))
		size := davit.Size{}
		for service := range r.Config.Services {
			size[service] = 1
		}
		if err := f.Declare(t.Context(), r, size); davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all := f.instances(); len(all) > 0 {
		t.Errorf("a refused declaration left %+v", all)
	}
}
