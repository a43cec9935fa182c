package process

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/davit-dev/davit"
)

// mostInstances bounds what one declaration may ask for of a service.
const mostInstances = 1000

// serviceName is what may become part of an instance's name and folder.
var serviceName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$`) })

// check returns an error that says why what the declaration adds cannot run
// here, or nil. What it takes away can always be.
func (h *Host) check(d declaration, old davit.Size, others map[declarationKey]declaration, key declarationKey) error {
	for name, n := range d.Size {
		if n >= 0 && n <= old[name] {
			continue
		}
		service, ok := d.Release.Config.Services[name]
		if !ok {
			return invalid(key, name, "the release has no such service", "")
		}
		if n < 0 || n > mostInstances {
			return invalid(key, name, fmt.Sprintf("%d instances were asked for, and it can be 0 to %d", n, mostInstances), "")
		}
		if err := h.checkService(service, name, d.Release, key); err != nil {
			return err
		}
		if err := checkPort(service, name, n, others, key); err != nil {
			return err
		}
	}
	return nil
}

func (h *Host) checkService(service davit.Service, name string, release *davit.Release, key declarationKey) error {
	if !serviceName().MatchString(name) {
		return invalid(key, name, "it cannot name a folder", "use letters, digits, dots, dashes and underscores")
	}
	if len(service.Command) == 0 || service.Command[0] == "" {
		return invalid(key, name, "it has no command", "give it one in davit.yaml; images need another platform")
	}
	digest := release.Artifacts[name]
	if digest == "" && service.Artifact != "" {
		return invalid(key, name, "its artifact was not pinned", "deploy the version again")
	}
	if digest != "" && !h.store.has(digest) {
		return &davit.Error{
			Code:    davit.CodeNotFound,
			Message: fmt.Sprintf("the artifact of service %s in release %s is not on this machine any more (%s)", name, key.release, digest),
			Hint:    "build that version again and deploy it",
		}
	}
	for _, file := range service.Files {
		if !filepath.IsLocal(file.Path) || filepath.Clean(file.Path) == "." {
			return invalid(key, name, fmt.Sprintf("its file %q is not inside the working directory", file.Path), "")
		}
	}
	for _, names := range []map[string]string{service.Env, service.Secrets} {
		for variable, value := range names {
			switch {
			case variable == "" || strings.ContainsAny(variable, "=\x00"):
				return invalid(key, name, fmt.Sprintf("%q cannot name a variable", variable), "")
			case strings.HasPrefix(variable, "DAVIT_"):
				return invalid(key, name, fmt.Sprintf("the variable %s is Davit's own", variable), "give it another name")
			case variable == "PORT" && value != fmt.Sprint(service.Port):
				return invalid(key, name, "the variable PORT is set by Davit", "set port instead, or listen on the PORT that is given")
			}
		}
	}
	return nil
}

// checkPort refuses a second instance on a port that was asked for by number:
// processes share the machine's ports.
func checkPort(service davit.Service, name string, n int, others map[declarationKey]declaration, key declarationKey) error {
	if service.Port <= 0 {
		return nil
	}
	refusal := &davit.Error{
		Code: davit.CodeRefused,
		Hint: "remove port from the service and let its command listen on the PORT that it is given",
	}
	if n > 1 {
		refusal.Message = fmt.Sprintf("service %s asks for port %d and for %d instances, which cannot share it on one machine", name, service.Port, n)
		return refusal
	}
	for other, d := range others {
		for otherName, size := range d.Size {
			if size > 0 && d.Release.Config.Services[otherName].Port == service.Port && (other != key || otherName != name) {
				refusal.Message = fmt.Sprintf("service %s of release %s asks for port %d, which service %s of release %s has on this machine",
					name, key.release, service.Port, otherName, other.release)
				return refusal
			}
		}
	}
	return nil
}

func invalid(key declarationKey, service, why, hint string) error {
	return &davit.Error{
		Code: davit.CodeInvalid, Hint: hint,
		Message: fmt.Sprintf("service %s of release %s cannot run as a process: %s", service, key.release, why),
	}
}
