package kubernetes

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/davit-dev/davit"
)

var pods = schema.GroupResource{Resource: "pods"}

func TestPersist(t *testing.T) {
	for _, passes := range []error{
		apierrors.NewConflict(pods, "web", errors.New("the object has been modified")),
		apierrors.NewTooManyRequests("slow down", 2),
		apierrors.NewServerTimeout(pods, "patch", 1),
		apierrors.NewInternalError(errors.New("etcdserver: leader changed")),
		apierrors.NewServiceUnavailable("starting"),
		errors.New("connection refused"),
	} {
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			err := persist(t.Context(), "trying", func(context.Context) error {
				if tries++; tries < 4 {
					return passes
				}
				return nil
			})
			if err != nil || tries != 4 {
				t.Errorf("%v: %d tries, %v", passes, tries, err)
			}
		})
	}
}

func TestPersistGivesUp(t *testing.T) {
	for _, c := range []struct {
		err  error
		code davit.Code
	}{
		{apierrors.NewForbidden(pods, "web", errors.New("no")), davit.CodeRefused},
		{apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "web", nil), davit.CodeInvalid},
		{apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop"), davit.CodeNotFound},
	} {
		tries := 0
		err := persist(t.Context(), "applying Pod web", func(context.Context) error { tries++; return c.err })
		if tries != 1 || davit.ErrorCode(err) != c.code || !errors.Is(err, c.err) || !strings.HasPrefix(err.Error(), "applying Pod web: ") {
			t.Errorf("%d tries, %v", tries, err)
		}
	}
}

// When the time is over, the last word of the server is what is told.
func TestPersistEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		tries := 0
		err := persist(ctx, "trying", func(context.Context) error { tries++; return errors.New("connection refused") })
		if davit.ErrorCode(err) != davit.CodeUnavailable || !strings.Contains(err.Error(), "connection refused") || tries < 5 || tries > 20 {
			t.Errorf("%d tries, %v", tries, err)
		}
	})
}
