package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// object is what can be applied: it says its kind and name itself.
type object interface {
	runtime.Object
	metav1.Object
}

// apply makes the object what is, as far as it says something, and returns what
// it has become. What others have added stays theirs; where they have changed a
// field that is Davit's, it is changed back.
func apply[T runtime.Object](ctx context.Context, k kind[T], o object, dryRun ...string) (applied T, err error) {
	name := o.GetName()
	data, err := configuration(o)
	if err != nil {
		return applied, fmt.Errorf("encoding %s: %w", name, err)
	}
	force := true
	options := metav1.PatchOptions{FieldManager: fieldManager, Force: &force, DryRun: dryRun}
	err = persist(ctx, doing("applying", o.GetObjectKind().GroupVersionKind().Kind, name), func(ctx context.Context) (err error) {
		applied, err = k.patch(ctx, name, types.ApplyPatchType, data, options)
		return err
	})
	return applied, err
}

// configuration encodes what is wanted of an object, and not its status, which is
// not Davit's to say.
func configuration(o object) ([]byte, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, err
	}
	delete(fields, "status")
	return json.Marshal(fields)
}
