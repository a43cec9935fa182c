package kubernetes

import (
	"errors"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/davit-dev/davit"
)

// parseManifest reads a user's own pod template: a Deployment, a PodTemplate, a
// Pod, or the bare template with metadata: and spec:. It returns the template and
// its container that runs the service: the one of that name, or the only one. Of
// the metadata, labels and annotations are kept.
func parseManifest(data []byte, service string) (*corev1.PodTemplateSpec, *corev1.Container, error) {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(data, &kind); err != nil {
		return nil, nil, manifestError(service, "it is not YAML", err)
	}
	template, err := decodeManifest(kind.Kind, data)
	if err != nil {
		return nil, nil, manifestError(service, "it is no pod template", err)
	}
	if template == nil {
		return nil, nil, manifestError(service, kind.Kind+" is not supported: a release's pods are replaced by those of the next, "+
			"which only Deployments are made for; run what keeps its own state or ends by itself beside Davit", nil)
	}
	template.ObjectMeta = metav1.ObjectMeta{Labels: template.Labels, Annotations: template.Annotations}
	containers := template.Spec.Containers
	i := slices.IndexFunc(containers, func(c corev1.Container) bool { return c.Name == service })
	switch {
	case i < 0 && len(containers) == 1:
		i = 0
	case i < 0:
		return nil, nil, manifestError(service, fmt.Sprintf("none of its %d containers is named %s, so that it is not known which runs the service", len(containers), service), nil)
	}
	return template, &containers[i], nil
}

// decodeManifest returns the template in a manifest of that kind, nil when it has
// none that can be used.
func decodeManifest(kind string, data []byte) (*corev1.PodTemplateSpec, error) {
	switch kind {
	case "":
		var t struct {
			metav1.TypeMeta        `json:",inline"`
			corev1.PodTemplateSpec `json:",inline"`
		}
		err := decode(data, &t)
		return &t.PodTemplateSpec, err
	case "Deployment":
		var d appsv1.Deployment
		err := decode(data, &d)
		return &d.Spec.Template, err
	case "PodTemplate":
		var t corev1.PodTemplate
		err := decode(data, &t)
		return &t.Template, err
	case "Pod":
		var p corev1.Pod
		err := decode(data, &p)
		return &corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec}, err
	}
	return nil, nil
}

// decode reads YAML strictly: fields that do not exist, or are there twice, are
// errors.
func decode(data []byte, into any) error {
	text, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return err
	}
	wrong, err := json.UnmarshalStrict(text, into)
	return errors.Join(append(wrong, err)...)
}

func manifestError(service, why string, err error) error {
	return &davit.Error{
		Code: davit.CodeInvalid, Message: fmt.Sprintf("the manifest of service %s cannot be used: %s", service, why), Err: err,
		Hint: "give it a Deployment, a PodTemplate, a Pod, or a pod template with spec: alone",
	}
}
