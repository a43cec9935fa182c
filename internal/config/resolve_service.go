package config

import (
	"path"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// resolve returns the service as it is in an environment.
func (s *service) resolve(x *resolver, name string, at position, e *environment) davit.Service {
	s.checkProgram(x, name, at, e)
	if e.platform.value == platformProcess {
		x.exists("artifact", s.artifact)
	}
	if s.traffic.value && s.probes.value.readiness.missing() {
		x.hint("service %s has no readiness probe, so that nothing says when it can serve: add probes: {readiness: {http: /healthz}}", name)
	}
	resolved := davit.Service{
		Name: name, Command: slices.Clone(s.command.value), Image: s.image.value, ImagePullPolicy: s.pull.value,
		Traffic: s.traffic.value, Port: s.port.value, Replicas: s.replicas.value, Autoscale: s.resolveAutoscale(x, name, e),
		Env: texts(s.env), Secrets: s.references(x), Files: s.resolveFiles(x),
		Startup: s.probes.value.startup.given().resolve(), Readiness: s.probes.value.readiness.given().resolve(), Liveness: s.probes.value.liveness.given().resolve(),
		Resources: davit.Resources{
			MemoryBytes: s.resources.value.memory.value, MilliCPU: s.resources.value.cpu.value, OpenFiles: s.resources.value.openFiles.value,
		},
		Grace: s.grace.value, DrainLimit: s.drain.value,
	}
	if s.traffic.value {
		resolved.Protocol = s.protocol.value
	}
	if e.platform.value == platformKubernetes {
		resolved.Manifest = s.template(x)
		if s.runsArtifact() {
			resolved.Command = nil
		}
	} else if s.artifact.set {
		resolved.Artifact = x.path(s.artifact.value)
	}
	return resolved
}

// checkProgram checks that there is something to run here.
func (s *service) checkProgram(x *resolver, name string, at position, e *environment) {
	process := e.platform.value == platformProcess
	s.checkSecrets(x, process)
	if !process {
		s.checkPod(x, name, at)
		return
	}
	switch {
	case s.command.missing() && s.image.missing():
		x.problem(at, `add command: ["./`+name+`"]`, "service %s has neither command nor image, so there is nothing to run", name)
	case s.command.missing():
		x.problem(s.image.at, "add a command", "service %s has an image only, and the platform process of %s runs commands", name, x.environment)
	}
	if s.port.set && !(s.replicas.value <= 1 && e.strategy.value.replacesInPlace()) {
		x.problem(s.port.at, "leave port out, and let the service listen on the port in the variable PORT",
			"port %d can be had once on a host, and in %s the platform process runs several instances of %s side by side",
			s.port.value, x.environment, name)
	}
}

// texts returns the values of a dictionary, nil when it is empty.
func texts(d dictionary[string]) map[string]string {
	if len(d.value) == 0 {
		return nil
	}
	m := make(map[string]string, len(d.value))
	for _, e := range d.value {
		m[e.name] = e.value
	}
	return m
}

// references returns the secrets, their files as absolute paths.
func (s *service) references(x *resolver) map[string]string {
	secrets := texts(s.secrets)
	for name, ref := range secrets {
		if file, ok := strings.CutPrefix(ref, "file:"); ok {
			secrets[name] = "file:" + x.path(file)
		}
	}
	for _, e := range s.secrets.value {
		if plain := entryOf(&s.env, e.name); plain != nil {
			x.problem(plain.at, "remove one of the two", "the variable %s is under env and under secrets", e.name)
		}
	}
	for _, d := range []dictionary[string]{s.env, s.secrets} {
		if set := entryOf(&d, "PORT"); set != nil {
			x.problem(set.at, "use port: for a fixed port, or read the variable PORT", "the variable PORT is set by the platform")
		}
	}
	return secrets
}

// resolveFiles returns the declared files with their content.
func (s *service) resolveFiles(x *resolver) []davit.File {
	var files []davit.File
	seen := map[string]bool{}
	for _, i := range s.files.value {
		f := i.value
		if f.path.set && seen[f.path.value] {
			x.problem(f.path.at, "remove one of the two", "the file %s is declared twice", f.path.value)
		}
		for parent := path.Dir(f.path.value); parent != "." && parent != "/"; parent = path.Dir(parent) {
			if seen[parent] {
				x.problem(f.path.at, "", "the file %s cannot be below %s, which is a file", f.path.value, parent)
			}
		}
		seen[f.path.value] = true
		files = append(files, davit.File{Path: f.path.value, Content: f.read(x), Mode: f.mode.value})
	}
	return files
}

// read returns the content of the file.
func (f *declaredFile) read(x *resolver) []byte {
	if !f.source.set {
		return []byte(f.content.value)
	}
	if !x.disk {
		return nil
	}
	content, err := readBounded(x.path(f.source.value))
	if err != nil {
		x.problem(f.source.at, "", "cannot read the file %s: %s", x.path(f.source.value), err)
	}
	return content
}

// resolve returns the probe of the domain; nil for nil.
func (p *probe) resolve() *davit.Probe {
	if p == nil {
		return nil
	}
	resolved := &davit.Probe{
		Period: p.period.value, Timeout: p.timeout.value,
		FailureThreshold: p.failures.value, SuccessThreshold: p.successes.value,
	}
	switch {
	case p.http.set:
		h := p.http.value
		resolved.HTTP = &davit.HTTPProbe{Path: h.path.value, Port: h.port.value, Headers: texts(h.headers)}
	case p.tcp.set:
		resolved.TCP = &davit.TCPProbe{Port: p.tcp.value.port.value}
	case p.exec.set:
		resolved.Exec = &davit.ExecProbe{Command: p.exec.value}
	}
	return resolved
}
