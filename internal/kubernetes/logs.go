package kubernetes

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/davit-dev/davit"
)

// LogQuery says which lines Logs returns.
type LogQuery struct {
	Release davit.ReleaseID // "" any
	Service string          // "" any
	// Lines bounds the earlier lines of each instance: the last so many; 0 all
	// that are kept, negative none.
	Lines int
	// Follow goes on with what is written from now on, by instances that start
	// later too, until the context ends.
	Follow bool
}

// LogLine is one line of an instance's output, without its end.
type LogLine struct {
	Instance string
	Release  davit.ReleaseID
	Service  string
	Text     string
}

// Logs calls each with the lines that the query asks for, one at a time and in the
// order in which an instance wrote them. Only instances that are there now have
// logs. It returns the first error of each, nil when all was read or ctx ended a
// following.
func (r *Runtime) Logs(ctx context.Context, query LogQuery, each func(LogLine) error) error {
	if err := r.cluster.ready(ctx); err != nil {
		return err
	}
	f := &follower{runtime: r, query: query, each: each, known: map[types.UID]bool{}}
	group, inside := errgroup.WithContext(ctx)
	changes := r.Watch(inside)
	group.Go(func() error {
		for lines := query.Lines; ; lines = 0 { // who comes later has written all of it since
			for _, pod := range r.cluster.podsIn(r.scope) {
				if f.takes(pod) {
					group.Go(func() error { return f.read(inside, pod, lines) })
				}
			}
			if !query.Follow {
				return nil
			}
			if _, open := <-changes; !open {
				return nil
			}
		}
	})
	if err := group.Wait(); err != nil && (ctx.Err() == nil || !query.Follow) {
		return err
	}
	return nil
}

// follower reads the logs of pods, each once.
type follower struct {
	runtime *Runtime
	query   LogQuery
	known   map[types.UID]bool

	speaking sync.Mutex
	each     func(LogLine) error
}

// takes reports whether a pod's log is asked for, can be read, and is not read
// yet.
func (f *follower) takes(pod *corev1.Pod) bool {
	release, service := pod.Annotations[annotationRelease], pod.Labels[labelService]
	container := serviceContainer(&pod.Spec, service)
	if f.known[pod.UID] || container == nil || f.query.Release != "" && string(f.query.Release) != release || f.query.Service != "" && f.query.Service != service {
		return false
	}
	f.known[pod.UID] = slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
		return s.Name == container.Name && (s.State.Running != nil || s.State.Terminated != nil || s.LastTerminationState.Terminated != nil)
	})
	return f.known[pod.UID]
}

// read tells the lines of one pod, of the earlier ones so many as LogQuery.Lines
// would say.
func (f *follower) read(ctx context.Context, pod *corev1.Pod, lines int) error {
	service := pod.Labels[labelService]
	request := f.runtime.cluster.api.pods().logs(pod.Name).Param("container", serviceContainer(&pod.Spec, service).Name).
		Param("follow", strconv.FormatBool(f.query.Follow))
	if lines != 0 {
		request.Param("tailLines", strconv.Itoa(max(lines, 0)))
	}
	stream, err := request.Stream(ctx)
	if apierrors.IsNotFound(err) || apierrors.IsBadRequest(err) { // it went, or its container did
		return nil
	}
	if err != nil {
		return refusal(doing("reading the log of", "Pod", pod.Name), err)
	}
	defer stream.Close() //nolint:errcheck // nothing was written
	line := LogLine{Instance: pod.Name, Service: service, Release: davit.ReleaseID(pod.Annotations[annotationRelease])}
	reader := bufio.NewReaderSize(stream, 64<<10)
	for {
		text, _, err := reader.ReadLine() // longer lines come in pieces
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the log of %s: %w", pod.Name, err)
		}
		line.Text = strings.ToValidUTF8(string(text), "\uFFFD")
		f.speaking.Lock()
		err = f.each(line)
		f.speaking.Unlock()
		if err != nil {
			return err
		}
	}
}
