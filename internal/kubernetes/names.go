package kubernetes

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/davit-dev/davit"
)

// fieldManager is the name under which Davit owns fields, and the value of the
// label managed-by.
const fieldManager = "davit"

// The labels of what Davit makes. The first are those that Kubernetes recommends
// for people and tools; Davit selects by its own.
const (
	labelName      = "app.kubernetes.io/name"
	labelInstance  = "app.kubernetes.io/instance"
	labelVersion   = "app.kubernetes.io/version"
	labelComponent = "app.kubernetes.io/component"
	labelPartOf    = "app.kubernetes.io/part-of"
	labelManagedBy = "app.kubernetes.io/managed-by"

	labelApplication = "davit.dev/application"
	labelEnvironment = "davit.dev/environment"
	labelService     = "davit.dev/service"
	labelRelease     = "davit.dev/release"
)

// annotationRelease holds a ReleaseID whole: as a label's value it may have had
// to be cut.
const annotationRelease = "davit.dev/release-id"

// scope is one environment of one application.
type scope struct{ application, environment string }

func scopeOf(labels map[string]string) scope {
	return scope{labels[labelApplication], labels[labelEnvironment]}
}

// labels are those of all that Davit makes for the environment.
func (s scope) labels() map[string]string {
	return map[string]string{
		labelName: s.application, labelInstance: environmentName(s.application, s.environment), labelPartOf: s.application,
		labelManagedBy: fieldManager, labelApplication: s.application, labelEnvironment: s.environment,
	}
}

// serviceLabels are those of what Davit makes for one service of a release.
func (s scope) serviceLabels(release *davit.Release, service string) map[string]string {
	labels := s.labels()
	labels[labelVersion] = labelValue(release.Version)
	labels[labelComponent], labels[labelService] = service, service
	labels[labelRelease] = labelValue(string(release.ID))
	return labels
}

// selector chooses the pods of one service of a release.
func (s scope) selector(id davit.ReleaseID, service string) map[string]string {
	return map[string]string{
		labelApplication: s.application, labelEnvironment: s.environment,
		labelService: service, labelRelease: labelValue(string(id)),
	}
}

// The longest that a label's value and an object's name may be. Pods are named
// after their Deployment, a dash, its template's hash of 10 characters, a dash
// and 5 characters, and none of that is to be cut.
const (
	labelLimit = 63
	nameLimit  = labelLimit - 17
)

// releaseHash is the end of a ReleaseID: the digest over all that it pins.
var releaseHash = regexp.MustCompile(`-([0-9a-f]{12})$`)

// objectName names the Deployment of a release's service, and its Service and all
// else that belongs to it: application, service and version for people, the
// release's digest to be the only one. It is a DNS label that begins with a
// letter.
func objectName(application, service string, id davit.ReleaseID) string {
	hash := digest(string(id))
	if m := releaseHash.FindStringSubmatch(string(id)); m != nil {
		hash = m[1]
	}
	name := dnsLabel(application + "-" + service + "-" + id.Short())
	if room := nameLimit - hashLength - 1; len(name) > room {
		name = strings.TrimRight(name[:room], "-")
		hash = digest(application + "/" + service + "/" + string(id))
	}
	return name + "-" + hash
}

// environmentName names what an environment has one of, such as its route. It is
// a DNS label that begins with a letter.
func environmentName(application, environment string) string {
	name := dnsLabel(application + "-" + environment)
	if room := nameLimit - hashLength - 1; len(name) > room || strings.Count(name, "-") > 1 {
		// Cut, or not to be told from that of another pair.
		return strings.TrimRight(name[:min(len(name), room)], "-") + "-" + digest(application+"/"+environment)
	}
	return name
}

var notLabel = regexp.MustCompile(`[^a-z0-9]+`)

// dnsLabel returns the text in the letters of a DNS label that begins with a
// letter, as the names of Services have to. Its length is not bounded.
func dnsLabel(text string) string {
	label := strings.Trim(notLabel.ReplaceAllString(strings.ToLower(text), "-"), "-")
	if label == "" || label[0] >= '0' && label[0] <= '9' {
		label = strings.TrimSuffix("x-"+label, "-")
	}
	return label
}

var notValue = regexp.MustCompile(`[^A-Za-z0-9._-]`)

// labelValue returns the text as the value of a label. Different texts have
// different values.
func labelValue(text string) string {
	value := notValue.ReplaceAllString(text, "_")
	trimmed := strings.Trim(value, "._-")
	if trimmed == text {
		return cut(text, labelLimit)
	}
	const room = labelLimit - hashLength - 1
	return strings.TrimLeft(strings.TrimRight(trimmed[:min(len(trimmed), room)], "._-")+"-"+digest(text), "-")
}

// cut shortens a text to at most limit characters. One that was cut ends in its
// digest, so that two that begin alike stay two.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.TrimRight(text[:limit-hashLength-1], "._-") + "-" + digest(text)
}

const hashLength = 12

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:hashLength]
}

// defaultPort is where a service listens that names no port.
const defaultPort = 8080

// portOf returns the port that a service listens on, in its pods and at its
// Service.
func portOf(service davit.Service) int32 {
	if service.Port == 0 {
		return defaultPort
	}
	return int32(service.Port) //nolint:gosec // 1 to 65535
}
