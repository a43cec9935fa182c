package kubernetes

import (
	"cmp"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

const (
	filesVolume = "davit-files"
	filesPath   = "/davit" // where a service's files are

	// leaveSeconds is how long a pod that leaves goes on serving, so that
	// everybody who routes to it has heard that it is no longer an endpoint:
	// kube-proxy writes its rules at most once a second, gateways take in changes
	// every 2 seconds or so.
	leaveSeconds = 5
)

// template returns the pod: the user's own or a plain one, with what the release
// pins put in.
func (w workload) template() (*corev1.PodTemplateSpec, error) {
	template, container, err := w.base()
	if err != nil {
		return nil, err
	}
	if template.Labels == nil {
		template.Labels = map[string]string{}
	}
	maps.Copy(template.Labels, w.serviceLabels(w.release, w.service.Name))
	if w.service.Traffic {
		template.Labels[labelServing] = serving
	}
	if template.Annotations == nil {
		template.Annotations = map[string]string{}
	}
	template.Annotations[annotationRelease] = string(w.release.ID)
	w.fill(container)
	w.mount(&template.Spec, container)
	w.part(&template.Spec, container)
	return template, nil
}

// base returns what the template begins with, and its container that runs the
// service. Without a manifest, that is what Pod Security calls restricted, but for the
// user: an image that runs as root has none other that is known to do.
func (w workload) base() (*corev1.PodTemplateSpec, *corev1.Container, error) {
	if len(w.service.Manifest) > 0 {
		return parseManifest(w.service.Manifest, w.service.Name)
	}
	no := false
	template := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		AutomountServiceAccountToken: &no,
		EnableServiceLinks:           &no, // they would be variables named after every release
		SecurityContext:              &corev1.PodSecurityContext{SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
		Containers: []corev1.Container{{
			Name: w.service.Name, SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
		}},
	}}
	return template, &template.Spec.Containers[0], nil
}

// fill puts into the container what davit.yaml says. What it does not say stays
// as the user's own template has it.
func (w workload) fill(c *corev1.Container) {
	s := w.service
	if s.Image != "" {
		c.Image = s.Image
	}
	c.Image = pinned(c.Image, w.release.Artifacts[s.Name])
	if s.ImagePullPolicy != "" {
		c.ImagePullPolicy = corev1.PullPolicy(s.ImagePullPolicy)
	}
	if len(s.Command) > 0 {
		c.Command, c.Args = w.command(), nil
	}
	c.Env = merged(c.Env, w.variables())
	if s.Traffic {
		port := portOf(s)
		if !slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.ContainerPort == port }) {
			c.Ports = append(c.Ports, corev1.ContainerPort{Name: "davit", ContainerPort: port, Protocol: corev1.ProtocolTCP})
		}
	}
	w.probe(c)
	for name, amount := range map[corev1.ResourceName]*resource.Quantity{
		corev1.ResourceMemory: positive(resource.NewQuantity(s.Resources.MemoryBytes, resource.BinarySI)),
		corev1.ResourceCPU:    positive(resource.NewMilliQuantity(s.Resources.MilliCPU, resource.DecimalSI)),
	} {
		if amount == nil {
			continue
		}
		if c.Resources.Limits == nil {
			c.Resources.Limits = corev1.ResourceList{}
		}
		if c.Resources.Requests == nil {
			c.Resources.Requests = corev1.ResourceList{}
		}
		c.Resources.Limits[name], c.Resources.Requests[name] = *amount, *amount
	}
}

func positive(q *resource.Quantity) *resource.Quantity {
	if q.Sign() <= 0 {
		return nil
	}
	return q
}

// pinned returns the image by its digest, where that is known.
func pinned(image, digest string) string {
	if digest == "" || strings.Contains(image, "@") {
		return image
	}
	if colon := strings.LastIndexByte(image, ':'); colon > strings.LastIndexByte(image, '/') {
		image = image[:colon]
	}
	return image + "@" + digest
}

// variables are the container's, in the order that kubelet resolves them in.
func (w workload) variables() []corev1.EnvVar {
	r := w.release
	env := []corev1.EnvVar{
		{Name: "PORT", Value: strconv.Itoa(int(portOf(w.service)))},
		{Name: "DAVIT_APPLICATION", Value: w.application},
		{Name: "DAVIT_ENVIRONMENT", Value: w.environment},
		{Name: "DAVIT_RELEASE", Value: string(r.ID)},
		{Name: "DAVIT_VERSION", Value: r.Version},
		{Name: "DAVIT_CONFIG_HASH", Value: r.ConfigHash},
		{Name: "DAVIT_SERVICE", Value: w.service.Name},
		{Name: "DAVIT_INSTANCE", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.name"}}},
	}
	if len(w.service.Files) > 0 {
		env = append(env, corev1.EnvVar{Name: "DAVIT_FILES", Value: filesPath})
	}
	for _, name := range slices.Sorted(maps.Keys(w.service.Env)) {
		env = append(env, corev1.EnvVar{Name: name, Value: strings.ReplaceAll(w.service.Env[name], "$(", "$$(")})
	}
	for _, name := range slices.Sorted(maps.Keys(w.service.Secrets)) {
		secret, key, _ := secretOf(w.service.Secrets[name]) // checked when the release was made
		env = append(env, corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key,
		}}})
	}
	return env
}

// secretOf returns the Secret and the key that a reference names.
func secretOf(reference string) (name, key string, ok bool) {
	reference, ok = strings.CutPrefix(reference, "secret:")
	if !ok {
		return "", "", false
	}
	name, key, ok = strings.Cut(reference, "/")
	return name, key, ok && name != "" && key != ""
}

// merged returns the variables of both; where both have one, the later's.
func merged(before, after []corev1.EnvVar) []corev1.EnvVar {
	for _, v := range after {
		if i := slices.IndexFunc(before, func(b corev1.EnvVar) bool { return b.Name == v.Name }); i >= 0 {
			before[i] = v
			continue
		}
		before = append(before, v)
	}
	return before
}

// variable matches $PORT and ${NAME}, as davit.yaml writes them.
var variable = regexp.MustCompile(`\$PORT\b|\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// command returns the argument vector with variables written as kubelet replaces
// them. Secrets, and names that are not set, stay as they are.
func (w workload) command() []string {
	known := map[string]bool{}
	for _, v := range w.variables() {
		known[v.Name] = v.ValueFrom == nil || v.ValueFrom.SecretKeyRef == nil
	}
	command := slices.Clone(w.service.Command)
	for i := range command {
		command[i] = strings.ReplaceAll(command[i], "$(", "$$(")
		if i == 0 {
			continue
		}
		command[i] = variable.ReplaceAllStringFunc(command[i], func(match string) string {
			name := cmp.Or(variable.FindStringSubmatch(match)[1], "PORT")
			if !known[name] {
				return match
			}
			return "$(" + name + ")"
		})
	}
	return command
}

// mount mounts the service's files.
func (w workload) mount(pod *corev1.PodSpec, c *corev1.Container) {
	if len(w.service.Files) == 0 {
		return
	}
	var items []corev1.KeyToPath
	for i, f := range w.service.Files {
		mode := int32(cmp.Or(f.Mode, 0o644)) //nolint:gosec // permission bits
		items = append(items, corev1.KeyToPath{Key: fileKey(i), Path: path.Clean(f.Path), Mode: &mode})
	}
	// A template that was once disowned has those of then.
	pod.Volumes = slices.DeleteFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == filesVolume })
	c.VolumeMounts = slices.DeleteFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == filesVolume })
	pod.Volumes = append(pod.Volumes, corev1.Volume{Name: filesVolume, VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: w.name}, Items: items},
	}})
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: filesVolume, MountPath: filesPath, ReadOnly: true})
}

// part lets the pod leave without loss: it stops being an endpoint at once, is
// told to stop only when that has gone round, and then has its grace. A template
// that says itself what a container does before it stops is left to that, and one
// that gives the pod longer keeps its time: what is read from a cluster always has
// a time, which is mostly nobody's wish.
func (w workload) part(pod *corev1.PodSpec, c *corev1.Container) {
	if c.Lifecycle == nil {
		c.Lifecycle = &corev1.Lifecycle{}
	}
	if c.Lifecycle.PreStop == nil && w.service.Traffic && w.sleeps {
		if sleep := min(seconds(w.service.DrainLimit), leaveSeconds); sleep > 0 {
			c.Lifecycle.PreStop = &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: sleep}}
		}
	}
	least := seconds(w.service.Grace) // after what it sleeps: that counts too
	if p := c.Lifecycle.PreStop; p != nil && p.Sleep != nil {
		least += p.Sleep.Seconds
	}
	if *c.Lifecycle == (corev1.Lifecycle{}) {
		c.Lifecycle = nil
	}
	if own := pod.TerminationGracePeriodSeconds; own == nil || *own < least {
		pod.TerminationGracePeriodSeconds = &least
	}
}
