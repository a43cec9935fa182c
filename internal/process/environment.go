package process

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/davit-dev/davit"
)

// inherited are the variables that instances have from the server.
var inherited = [...]string{"PATH", "HOME", "LANG", "TZ", "TMPDIR"}

// surroundings is the environment of an instance: what a person may read in
// its arguments, and secrets.
type surroundings struct {
	public  map[string]string
	secrets map[string]string
}

// list returns the environment as exec takes it. A secret wins over a variable.
func (s surroundings) list() []string {
	all := maps.Clone(s.public)
	maps.Copy(all, s.secrets)
	list := make([]string, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+"="+all[name])
	}
	return list
}

// lookup returns a variable of an environment, and whether it is there.
func lookup(env []string, name string) (string, bool) {
	for _, entry := range env {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// value is lookup for when absent and empty are the same.
func value(env []string, name string) string {
	found, _ := lookup(env, name)
	return found
}

// reference matches $PORT and ${NAME}.
var reference = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$PORT\b|\$\{[A-Za-z_][A-Za-z0-9_]*\}`) })

// expand replaces $PORT and ${NAME} in an argument by what the instance's
// environment says. Names that are not in it stay as they are, for a shell to
// see; so do secrets, because arguments can be read by everybody on the
// machine.
func (s surroundings) expand(argument string) string {
	return reference().ReplaceAllStringFunc(argument, func(match string) string {
		name := match[1:]
		if name[0] == '{' {
			name = name[1 : len(name)-1]
		}
		value, ok := s.public[name]
		if _, secret := s.secrets[name]; !ok || secret {
			return match
		}
		return value
	})
}

// surround makes the environment of an instance.
func (h *Host) surround(r record, release *davit.Release, artifact string) (surroundings, error) {
	service := release.Config.Services[r.Service]
	public := map[string]string{}
	for _, name := range inherited {
		if value, ok := h.config.Lookup(name); ok {
			public[name] = value
		}
	}
	maps.Copy(public, service.Env)
	maps.Copy(public, map[string]string{
		"PORT":              strconv.Itoa(r.Port),
		"DAVIT_APPLICATION": r.Application, "DAVIT_ENVIRONMENT": r.Environment,
		"DAVIT_RELEASE": string(r.Release), "DAVIT_VERSION": release.Version, "DAVIT_CONFIG_HASH": release.ConfigHash,
		"DAVIT_SERVICE": r.Service, envInstance: r.ID, envState: h.id,
	})
	if artifact != "" {
		public["DAVIT_ARTIFACT"] = artifact
	}
	secrets, err := resolveSecrets(service.Secrets, h.config.Lookup)
	return surroundings{public, secrets}, err
}
