package kubernetes

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/davit-dev/davit"
)

// Pin returns the digest of the service's image: the one that it is named by, or
// the one that its tag stands for now, as the registry says. An image that is
// never pulled has none: it is what the nodes have under that name. Before, the
// API server is asked whether it would take the service at all, so that what it
// refuses is told at once and by name.
func (r *Runtime) Pin(ctx context.Context, service davit.Service) (string, error) {
	if err := checkService(service); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, pinLimit)
	defer cancel()
	if err := r.cluster.ready(ctx); err != nil {
		return "", fmt.Errorf("pinning service %s: %w", service.Name, err)
	}
	if err := r.cluster.claimed(r.scope); err != nil {
		return "", err
	}
	sleeps, err := r.cluster.knowsSleep(ctx)
	if err != nil {
		return "", err
	}
	trial := &davit.Release{ID: "trial", Application: r.scope.application, Environment: r.scope.environment, Version: "trial"}
	w := newWorkload(r.scope, trial, service, sleeps)
	d, err := w.deployment(0)
	if err != nil {
		return "", err
	}
	if _, err := apply(ctx, r.cluster.api.deployments(), d, metav1.DryRunAll); err != nil {
		return "", err
	}
	container := serviceContainer(&d.Spec.Template.Spec, service.Name)
	if container.ImagePullPolicy == corev1.PullNever {
		return "", nil
	}
	return resolve(ctx, r.cluster.keychain, container.Image)
}

// checkService refuses what a pod cannot be made of, and the API server cannot
// know.
func checkService(s davit.Service) error {
	invalid := func(why, hint string) error {
		return &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("service %s cannot run on a cluster: %s", s.Name, why), Hint: hint}
	}
	if s.Image == "" && len(s.Manifest) == 0 {
		return invalid("it has no image", "add image:")
	}
	for _, variable := range slices.Sorted(maps.Keys(s.Secrets)) {
		if _, _, ok := secretOf(s.Secrets[variable]); !ok {
			return invalid(fmt.Sprintf("its secret %s is %s, which pods cannot read", variable, s.Secrets[variable]),
				"put it into a Secret of the namespace, and write secret:NAME/KEY")
		}
	}
	for _, names := range []map[string]string{s.Env, s.Secrets} {
		for _, variable := range slices.Sorted(maps.Keys(names)) {
			if variable == "PORT" || strings.HasPrefix(variable, "DAVIT_") {
				return invalid("the variable "+variable+" is set by Davit", "give it another name")
			}
		}
	}
	size := 0
	for _, f := range s.Files {
		size += len(f.Content)
	}
	if size > mostFileBytes {
		return invalid(fmt.Sprintf("its files have %d bytes together, and a ConfigMap holds %d", size, mostFileBytes),
			"put them into the image, or mount a volume with manifest:")
	}
	return nil
}

// mostFileBytes is what a ConfigMap can hold.
const mostFileBytes = 1 << 20

// Whoever deploys waits while a service is pinned: these bound it, and the asking of
// the registry alone.
const (
	pinLimit      = 30 * time.Second
	registryLimit = 15 * time.Second
)

// keychain asks the Docker configuration first: what a user wrote there for a
// registry is meant. Another keychain has those that it says nothing about.
func keychain(other authn.Keychain) authn.Keychain {
	if other == nil {
		return authn.DefaultKeychain
	}
	return authn.NewMultiKeychain(authn.DefaultKeychain, other)
}

// resolve returns the digest that an image's reference stands for.
func resolve(ctx context.Context, credentials authn.Keychain, image string) (string, error) {
	reference, err := name.ParseReference(image)
	if err != nil {
		return "", &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("%q is no image", image), Err: err}
	}
	if digest, ok := reference.(name.Digest); ok {
		return digest.DigestStr(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, registryLimit)
	defer cancel()
	head, err := remote.Head(reference, remote.WithContext(ctx), remote.WithAuthFromKeychain(credentials))
	if err != nil {
		return "", &davit.Error{
			Code: davit.CodeUnavailable, Message: fmt.Sprintf("the digest of image %s cannot be found out", image), Err: err,
			Hint: "let the server reach the registry; or name the image by digest (@sha256:…); or, if the nodes have it already, set imagePullPolicy: Never",
		}
	}
	return head.Digest.String(), nil
}
