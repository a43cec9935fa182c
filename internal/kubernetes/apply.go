package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
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
	return applyLatest(ctx, k, o.GetObjectKind().GroupVersionKind().Kind, o.GetName(), func() (object, error) { return o, nil }, dryRun...)
}

// applyLatest is apply for an object that depends on how it is now: latest makes it
// anew for each try, and can have it refused, by its resource version, when somebody
// was faster.
func applyLatest[T runtime.Object](ctx context.Context, k kind[T], kindName, name string, latest func() (object, error), dryRun ...string) (applied T, err error) {
	force := true
	options := metav1.PatchOptions{FieldManager: fieldManager, Force: &force, DryRun: dryRun}
	var wrong error // with the object, which no other try mends
	err = persist(ctx, doing("applying", kindName, name), func(ctx context.Context) error {
		o, err := latest()
		if err != nil {
			wrong = err
			return nil
		}
		data, err := configuration(o)
		if err != nil {
			wrong = fmt.Errorf("encoding %s: %w", name, err)
			return nil
		}
		applied, err = k.patch(ctx, name, types.ApplyPatchType, data, options)
		return err
	})
	return applied, errors.Join(err, wrong)
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
