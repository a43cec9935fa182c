package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/davit-dev/davit"
)

// Options say which namespace of which cluster is meant.
type Options struct {
	// Kubeconfig is the path of a kubeconfig. When it is empty, and Context too,
	// a server that runs in a cluster uses its own account there; otherwise it is
	// what kubectl would read.
	Kubeconfig string
	// Context of the kubeconfig; its current one when empty.
	Context string
	// Namespace of the objects; the context's, or the server's own, when empty.
	Namespace string
	// Server names the installation of Davit, so that another one keeps its hands off
	// what this one runs. Without a name it claims nothing.
	Server string
	// NodePatience is how long a pod may wait for a node before it counts as failed.
	NodePatience time.Duration
	// ProbePatience is how long after its start a container's readiness probe may
	// fail before its pod counts as failed; 0 for ever.
	ProbePatience time.Duration
	// Keychain has the credentials for the registries that the Docker configuration
	// has none for. Nil has none.
	Keychain authn.Keychain
	// Metrics is what Prometheus is asked through; http.DefaultTransport when nil.
	Metrics http.RoundTripper
	// Log receives what the watches run into. Nil discards it.
	Log *slog.Logger
	// Now tells the time; time.Now by default.
	Now func() time.Time
}

// Cluster is one namespace of one cluster. It keeps what Davit made there in
// view by watches, until it is closed. It is safe for concurrent use.
type Cluster struct {
	api       api
	host      string // of the API server
	line      *line
	namespace string
	server    string // Options.Server
	log       *slog.Logger
	now       func() time.Time

	patience patience
	keychain authn.Keychain
	metrics  http.RoundTripper // Options.Metrics

	deployments, pods, services, slices, budgets, leases, events cache.SharedIndexInformer // of what Davit made; events are warnings about pods

	changes *hub // of deployments, pods and services, by scope

	gatewayAPI *doors // nil before a Gateway was asked for

	ctx    context.Context //nolint:containedctx // the life of the cluster, from Connect to Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	synced chan struct{} // closed when all watches have begun

	mu      sync.Mutex
	trouble error // what the watches ran into last
	sleeps  *bool // whether pods can have a preStop sleep; nil before the server was asked
}

// Connect begins to watch a namespace. The context bounds the connecting alone.
// It returns without having reached the cluster: what needs it waits until it
// does, or says why it cannot.
func Connect(ctx context.Context, options Options) (*Cluster, error) {
	config, namespace, err := options.load()
	if err != nil {
		return nil, err
	}
	line := newLine(config)
	known, err := newAPI(config, namespace)
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		api: known, host: config.Host, line: line, namespace: namespace, server: options.Server, log: options.Log, now: options.Now,
		patience: patience{options.NodePatience, options.ProbePatience}, keychain: keychain(options.Keychain), metrics: options.Metrics,
		changes: newHub(), synced: make(chan struct{}),
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := c.watch(); err != nil {
		c.cancel()
		return nil, err
	}
	return c, nil
}

// load finds the cluster and the namespace.
func (o Options) load() (*rest.Config, string, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	if o.Kubeconfig != "" {
		rules.ExplicitPath = o.Kubeconfig
	}
	overrides := &clientcmd.ConfigOverrides{CurrentContext: o.Context}
	overrides.Context.Namespace = o.Namespace
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, "", &davit.Error{
			Code: davit.CodeInvalid, Message: "no Kubernetes cluster is configured", Err: err,
			Hint: "name a kubeconfig and a context under kubernetes: that the server can read, or run the server in the cluster",
		}
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, "", fmt.Errorf("finding the namespace: %w", err)
	}
	if o.Namespace != "" { // in a cluster, the loader answers with the account's own
		namespace = o.Namespace
	}
	return config, namespace, nil
}

// own chooses what Davit made.
func own(o *metav1.ListOptions) { o.LabelSelector = labelManagedBy + "=" + fieldManager }

// aboutPods chooses the warnings about pods.
func aboutPods(o *metav1.ListOptions) {
	o.FieldSelector = fields.Set{"involvedObject.kind": "Pod", "type": corev1.EventTypeWarning}.String()
}

// watch starts the informers.
func (c *Cluster) watch() error {
	c.deployments, c.pods = c.api.deployments().informer(cache.Indexers{indexByScope: byScope}, own), c.api.pods().informer(cache.Indexers{indexByScope: byScope}, own)
	c.services, c.events = c.api.services().informer(nil, own), c.api.events().informer(cache.Indexers{indexByPod: byPod}, aboutPods)
	c.slices = c.api.slices().informer(cache.Indexers{indexByScope: byScope}, own) // they have their Services' labels
	c.budgets, c.leases = c.api.budgets().informer(nil, own), c.api.leases().informer(nil, own)
	all := []cache.SharedIndexInformer{c.deployments, c.pods, c.services, c.slices, c.budgets, c.leases, c.events}
	for _, informer := range all {
		if err := informer.SetTransform(slim); err != nil {
			return fmt.Errorf("watching %s: %w", c, err)
		}
		if err := informer.SetWatchErrorHandlerWithContext(c.stumbled); err != nil {
			return fmt.Errorf("watching %s: %w", c, err)
		}
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: c.notify, UpdateFunc: func(_, o any) { c.notify(o) }, DeleteFunc: c.notify,
		}); err != nil {
			return fmt.Errorf("watching %s: %w", c, err)
		}
	}
	for _, informer := range all {
		c.run(informer.RunWithContext)
	}
	c.run(func(ctx context.Context) {
		for _, informer := range all {
			if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
				return
			}
		}
		close(c.synced)
	})
	return nil
}

// stumbled remembers why a watch cannot begin. The informer tries again.
func (c *Cluster) stumbled(ctx context.Context, _ *cache.Reflector, err error) {
	c.log.DebugContext(ctx, "a watch was interrupted, and begins again", "cluster", c.String(), "error", err)
	c.mu.Lock()
	c.trouble = err
	c.mu.Unlock()
	c.changes.send(scope{}) // no environment's, but the watches' own
}

// notify tells those who watch the environment of an object that it changed.
func (c *Cluster) notify(object any) {
	if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	switch o := object.(type) {
	case *corev1.Event:
		pod, there, _ := c.pods.GetIndexer().GetByKey(c.namespace + "/" + o.InvolvedObject.Name) // a store in memory has no errors
		if p, ok := pod.(*corev1.Pod); there && ok {
			c.changes.send(scopeOf(p.Labels))
		}
	case metav1.Object:
		c.changes.send(scopeOf(o.GetLabels()))
	}
}

// ready returns nil when all that Davit made in the namespace is in view.
func (c *Cluster) ready(ctx context.Context) error {
	select {
	case <-c.synced:
		return nil
	default:
	}
	if _, err := c.version(ctx); err != nil {
		return refusal(fmt.Sprintf("reaching %s", c), err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	troubles := c.changes.subscribe(ctx, scope{})
	for {
		c.mu.Lock()
		trouble := c.trouble
		c.mu.Unlock()
		if apierrors.IsForbidden(trouble) {
			return refusal(fmt.Sprintf("watching %s", c), trouble)
		}
		select {
		case <-c.synced:
			return nil
		case <-c.ctx.Done():
			return c.closed()
		case <-ctx.Done():
			return refusal(fmt.Sprintf("watching %s", c), errors.Join(trouble, ctx.Err()))
		case <-troubles:
		}
	}
}

func (c *Cluster) closed() error {
	return &davit.Error{Code: davit.CodeUnavailable, Message: "the server is stopping", Hint: "try again when it runs"}
}

// run runs f until the cluster is closed, which waits for it. It returns false
// when that has happened already.
func (c *Cluster) run(f func(ctx context.Context)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return false
	}
	c.tasks.Go(func() { f(c.ctx) })
	return true
}

// String names the cluster and the namespace, for people.
func (c *Cluster) String() string {
	return fmt.Sprintf("namespace %s of %s", c.namespace, c.host)
}

// Close ends the watches and returns when nothing of the cluster runs any more.
// What is on the cluster goes on.
func (c *Cluster) Close() error {
	c.mu.Lock()
	c.cancel()
	c.mu.Unlock()
	c.changes.close()
	c.tasks.Wait()
	return nil
}
