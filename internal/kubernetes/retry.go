package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/davit-dev/davit"
)

// The waits between tries of a call that the API server hinders.
const (
	firstWait = 50 * time.Millisecond
	lastWait  = 3 * time.Second
)

// persist makes a call until it succeeds, is refused for good, or ctx ends: so a
// conflict, a server that has too much to do or one that is restarted costs time
// alone. doing says what is done to what, as in "applying Deployment web".
func persist(ctx context.Context, doing string, call func(context.Context) error) error {
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		err := call(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || !passing(err) {
			return refusal(doing, err)
		}
		pause := wait/2 + rand.N(wait) //nolint:gosec // so that many who were turned away do not come back at once
		if seconds, asked := apierrors.SuggestsClientDelay(err); asked {
			pause += time.Duration(seconds) * time.Second
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return refusal(doing, err)
		}
	}
}

// passing reports whether an error may be another one, or none, the next time.
func passing(err error) bool {
	if status := apierrors.APIStatus(nil); !errors.As(err, &status) {
		return true // the server was not reached, or did not answer
	}
	for _, is := range []func(error) bool{
		apierrors.IsConflict, apierrors.IsTooManyRequests, apierrors.IsServerTimeout, apierrors.IsTimeout,
		apierrors.IsServiceUnavailable, apierrors.IsInternalError, apierrors.IsUnexpectedServerError,
	} {
		if is(err) {
			return true
		}
	}
	return false
}

// refusal says what could not be done, in the API server's own words.
func refusal(doing string, err error) error {
	e := &davit.Error{Code: davit.CodeUnavailable, Message: doing, Err: err}
	switch {
	case apierrors.IsInvalid(err) || apierrors.IsBadRequest(err):
		e.Code = davit.CodeInvalid
	case apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err):
		e.Code, e.Hint = davit.CodeRefused, "the server's account on the cluster needs that right; docs/how-to/kubernetes.md lists all that it uses"
	case apierrors.IsNotFound(err):
		e.Code = davit.CodeNotFound
	}
	return e
}

// doing names what is done to an object, for persist.
func doing(verb, kind, name string) string { return fmt.Sprintf("%s %s %s", verb, kind, name) }
