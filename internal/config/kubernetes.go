package config

import (
	"net/url"
	"path"
	"strings"

	"github.com/davit-dev/davit"
)

// cluster is what the platform kubernetes has to know of an environment.
type cluster struct {
	kubeconfig, context, namespace item[string]
	gateway                        item[gateway]
	address, prometheus            item[string]
	nodePatience, probePatience    item[davit.Duration]
}

func (*cluster) about() about {
	return about{name: "a cluster", doc: "Where on a cluster an environment is, for the platform `kubernetes`. Nothing of it need " +
		"be given: a server that runs in a cluster uses its own account and namespace, any other what kubectl would."}
}

func (c *cluster) fields() []field {
	return []field{
		{key: "kubeconfig", into: scalar(&c.kubeconfig, plain()), absent: "what kubectl would read", doc: "path of a kubeconfig, where the server runs"},
		{key: "context", into: scalar(&c.context, plain()), absent: "the current one", doc: "context of the kubeconfig"},
		{key: "namespace", into: scalar(&c.namespace, label()), absent: "the context's", doc: "where the instances run; it has to exist"},
		{
			key: "gateway", into: object(&c.gateway), absent: "traffic is split by the numbers of instances, which is coarse",
			doc: "what splits the traffic, by the Gateway API",
		},
		{
			key: "address", into: scalar(&c.address, baseURL()), absent: "nothing is probed from outside",
			doc: "where the server reaches the front door: what the witness and validation ask, such as `https://shop.example.org`",
		},
		{key: "prometheus", into: scalar(&c.prometheus, baseURL()), absent: "gates on errors and latency have no figures", doc: "base URL of the Prometheus that figures are read from"},
		{
			key: "nodePatience", into: scalar(&c.nodePatience, duration(0)), initial: "10s",
			doc: "how long an instance may wait for a node before it counts as failed; longer, such as `5m`, where nodes are added on demand",
		},
		{
			key: "probePatience", into: scalar(&c.probePatience, duration(0)), initial: "1m",
			doc: "how long after its start an instance's readiness probe may fail before it counts as failed, unless it has been ready; " +
				"an instance that takes long to start has a startup probe, whose time does not count; `0` leaves it to the deadline",
		},
	}
}

// gateway names a Gateway.
type gateway struct{ name, namespace, section, affinity item[string] }

func (*gateway) about() about {
	return about{name: "a gateway", doc: "A Gateway of the Gateway API. In short: only its name."}
}

func (g *gateway) short() value { return scalar(&g.name, objectName()) }

func (g *gateway) fields() []field {
	return []field{
		{key: "name", into: scalar(&g.name, objectName()), required: true, doc: "name of the Gateway"},
		{key: "namespace", into: scalar(&g.namespace, label()), absent: "that of the instances", doc: "namespace of the Gateway"},
		{key: "section", into: scalar(&g.section, objectName()), absent: "all", doc: "the listener to attach to"},
		{
			key: "affinity", into: scalar(&g.affinity, oneWord(davit.AffinityCookie)), absent: "two requests of one user may reach two releases",
			doc: "`cookie` asks for users to stay at their release while it has a share, by the session persistence of the Gateway API",
		},
	}
}

// objectName is the name of an object on a cluster.
func objectName() form[string] {
	return patterned("an object's name", `^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`, "such a name has lower-case letters, digits, - and .")
}

// pullPolicy is when a node fetches an image.
func pullPolicy() form[string] { return oneWord("Always", "IfNotPresent", "Never") }

// baseURL is an http or https address that paths are added to.
func baseURL() form[string] {
	f := plain()
	f.words = "an http or https address"
	parse := f.parse
	f.parse = func(w word) (string, *wrong) {
		text, wrong := parse(w)
		if wrong != nil {
			return "", wrong
		}
		u, err := url.Parse(text)
		if strings.Contains(text, "@") {
			return "", wrongf("leave name and password out", "must be an address without a user")
		}
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
			return "", wrongf("write it as http://gateway.example.org:8080", "must be an http or https address with a host, not %q", clip(text))
		}
		return strings.TrimSuffix(text, "/"), nil
	}
	return f
}

// site returns where the environment is, and checks that its keys belong to its
// platform.
func (e *environment) site(x *resolver) davit.Site {
	if e.platform.value != platformKubernetes {
		if e.kubernetes.set {
			x.problem(e.kubernetes.at, "add platform: kubernetes, or remove the key", "the platform of %s is %s, which knows no kubernetes:", x.environment, e.platform.value)
		}
		return davit.Site{}
	}
	for _, own := range []struct {
		key string
		at  position
	}{{"listen", e.listen.at}, {"trustedProxies", e.trustedProxies.at}, {"limits", e.limits.at}, {"accessLog", e.accessLog.at}} {
		if own.at != (position{}) {
			x.problem(own.at, "remove it, and configure the Gateway", "%s is for Davit's own proxy, and on the platform kubernetes of %s a Gateway is the front door", own.key, x.environment)
		}
	}
	k := e.kubernetes.value
	site := &davit.Kubernetes{
		Context: k.context.value, Namespace: k.namespace.value, Prometheus: k.prometheus.value, NodePatience: k.nodePatience.value, ProbePatience: k.probePatience.value,
	}
	if k.kubeconfig.set {
		site.Kubeconfig = x.path(k.kubeconfig.value)
	}
	if g := k.gateway.value; k.gateway.set {
		site.Gateway = &davit.Gateway{Name: g.name.value, Namespace: g.namespace.value, Section: g.section.value, Affinity: g.affinity.value}
	}
	return davit.Site{Kubernetes: site}
}

// checkPod checks that there is something to make pods from.
func (s *service) checkPod(x *resolver, name string, at position) {
	if s.image.missing() && s.manifest.missing() {
		x.problem(at, "add image: and its name", "service %s has no image, and the platform kubernetes of %s runs images", name, x.environment)
	}
}

// checkSecrets checks that instances can read their secrets where they run: on a
// host from the server's environment and files, in pods from Secrets alone.
func (s *service) checkSecrets(x *resolver, process bool) {
	for _, e := range s.secrets.value {
		switch onCluster := secretReference().MatchString(e.value); {
		case !e.set || onCluster != process:
		case process:
			x.problem(e.at, "write env:NAME or file:/path", "the secret %s is in a Secret of a cluster, and %s runs on this host", e.name, x.environment)
		default:
			x.problem(e.at, "put it into a Secret of the namespace, and write secret:NAME/KEY",
				"the secret %s is the server's own, and on the platform kubernetes of %s instances read Secrets", e.name, x.environment)
		}
	}
}

// runsArtifact reports whether the command names a program in the artifact, which
// no image has at that place.
func (s *service) runsArtifact() bool {
	return s.artifact.set && len(s.command.value) > 0 && !path.IsAbs(s.command.value[0]) && strings.Contains(s.command.value[0], "/")
}

// template returns the user's own pod template, nil when there is none.
func (s *service) template(x *resolver) []byte {
	if !s.manifest.set || !x.disk {
		return nil
	}
	manifest, err := readBounded(x.path(s.manifest.value))
	if err != nil {
		x.problem(s.manifest.at, "", "cannot read the manifest %s: %s", x.path(s.manifest.value), err)
	}
	return manifest
}
