//go:build e2e

package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/davit-dev/davit"
)

// web is a release of one service that is never pulled, so that no registry is
// needed.
func web(t *testing.T, version string, change ...func(*davit.Service)) *davit.Release {
	t.Helper()
	s := davit.Service{
		Name: "web", Image: "docker.io/local/web:" + version, ImagePullPolicy: "Never", Traffic: true, Port: 8080, Replicas: 3,
		Files: []davit.File{{Path: "conf/version", Content: []byte(version)}}, DrainLimit: davit.Duration(time.Second),
		Resources: davit.Resources{MilliCPU: 10},
	}
	for _, c := range change {
		c(&s)
	}
	r, err := davit.NewRelease("shop", "production", version, nil, davit.ReleaseConfig{Services: map[string]davit.Service{"web": s}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestLifeOfARelease(t *testing.T) {
	b := newBench(t)
	b.node()
	v1 := web(t, "v1")
	b.declare(v1, davit.Size{"web": 3})
	all := b.until("three ready", func(all []davit.Instance) bool { return are(all, 3, davit.Ready) })
	for _, i := range all {
		if i.Release != v1.ID || i.Service != "web" || i.Address != "10.0.0.1:8080" || i.StartedAt.IsZero() {
			t.Errorf("instance %+v", i)
		}
		if s := i.Setup; s == nil || s.Image != "docker.io/local/web:v1" || s.Node != b.namespace || !s.Unprivileged || s.ReadOnlyRoot || !s.Budgeted || s.Requests.MilliCPU != 10 {
			t.Errorf("%s is set up as %+v", i.ID, s)
		}
	}
	name := objectName("shop", "web", v1.ID)
	b.owned(name)

	b.declare(v1, davit.Size{"web": 3}) // once more changes nothing
	d := b.cluster.deploymentOf(name)
	if d.Generation != 2 { // made without pods, then given three
		t.Errorf("the Deployment was changed: generation %d", d.Generation)
	}
	v2 := web(t, "v2")
	b.declare(v2, davit.Size{"web": 2})
	b.until("five ready", func(all []davit.Instance) bool { return are(all, 5, davit.Ready) })
	b.declare(v1, davit.Size{"web": 1})
	b.until("one of v1", func(all []davit.Instance) bool { return are(all, 3, davit.Ready) })
	b.allows(name, 0)                   // it has a share still, and nobody else to answer it
	b.declare(v1, davit.Size{"web": 2}) // hauled back
	b.allows(name, 1)
	b.declare(&davit.Release{ID: v1.ID}, nil) // as of one that nobody remembers
	b.until("none of v1", func(all []davit.Instance) bool {
		return are(all, 2, davit.Ready) && !slices.ContainsFunc(all, func(i davit.Instance) bool { return i.Release == v1.ID })
	})
	b.collected(name)
}

// allows waits until so many pods of a workload may be evicted.
func (b *bench) allows(name string, want int32) {
	b.Helper()
	b.poll(fmt.Sprintf("%d that may be evicted", want), func() bool {
		budget, err := b.admin.PolicyV1().PodDisruptionBudgets(b.namespace).Get(b.Context(), name, metav1.GetOptions{})
		if err != nil {
			b.Fatal(err)
		}
		return budget.Status.ObservedGeneration == budget.Generation && budget.Status.DisruptionsAllowed == want
	})
}

// A release that shrinks to its last pod, and grows again, lets none of them be evicted
// that another one is not there for: from when the change is there on, and not only
// when the cluster has counted.
func TestBudgetGoesBeforeTheSize(t *testing.T) {
	b := newBench(t)
	b.node()
	r := web(t, "v1")
	name := objectName("shop", "web", r.ID)
	b.declare(r, davit.Size{"web": 2})
	b.until("two ready", func(all []davit.Instance) bool { return are(all, 2, davit.Ready) })
	b.allows(name, 1)
	watch, err := b.admin.AppsV1().Deployments(b.namespace).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	shrunk := make(chan *policyv1.PodDisruptionBudget, 1)
	go func() {
		defer close(shrunk)
		for event := range watch.ResultChan() {
			if d, ok := event.Object.(*appsv1.Deployment); ok && *d.Spec.Replicas == 1 {
				budget, err := b.admin.PolicyV1().PodDisruptionBudgets(b.namespace).Get(context.Background(), name, metav1.GetOptions{})
				if err == nil {
					shrunk <- budget
				}
				return
			}
		}
	}()
	b.declare(r, davit.Size{"web": 1})
	if budget := <-shrunk; budget == nil || budget.Status.ObservedGeneration < budget.Generation || budget.Status.DisruptionsAllowed != 0 {
		t.Errorf("the size was changed before the budget: %+v", budget)
	}
	b.until("one ready", func(all []davit.Instance) bool { return are(all, 1, davit.Ready) })
	b.allows(name, 0)
	b.declare(r, davit.Size{"web": 2})
	if d := b.cluster.deploymentOf(name); d.Status.ObservedGeneration < d.Generation {
		t.Errorf("the budget was changed before the size was seen: %+v", d.Status)
	}
	b.until("two ready", func(all []davit.Instance) bool { return are(all, 2, davit.Ready) })
	b.allows(name, 1)
}

// owned checks whose the objects of a workload are.
func (b *bench) owned(name string) {
	b.Helper()
	set, ctx := b.admin, b.Context()
	d, err := set.AppsV1().Deployments(b.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		b.Fatal(err)
	}
	if i := slices.IndexFunc(d.ManagedFields, func(f metav1.ManagedFieldsEntry) bool {
		return f.Manager == fieldManager && f.Operation == metav1.ManagedFieldsOperationApply
	}); i < 0 {
		b.Errorf("nothing of the Deployment was applied by davit: %+v", d.ManagedFields)
	}
	files, err := set.CoreV1().ConfigMaps(b.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		b.Fatal(err)
	}
	if files.Immutable == nil || !*files.Immutable {
		b.Error("the files can be changed")
	}
	service, err := set.CoreV1().Services(b.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		b.Fatal(err)
	}
	budget, err := set.PolicyV1().PodDisruptionBudgets(b.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for _, o := range []metav1.Object{files, service, budget} {
		if owners := o.GetOwnerReferences(); len(owners) != 1 || owners[0].UID != d.UID {
			b.Errorf("%s is owned by %v", o.GetName(), owners)
		}
	}
}

// collected waits until nothing of a workload is left.
func (b *bench) collected(name string) {
	b.Helper()
	set := b.admin
	b.poll("everything collected", func() bool {
		for _, get := range []func() error{
			func() error {
				_, err := set.AppsV1().Deployments(b.namespace).Get(b.Context(), name, metav1.GetOptions{})
				return err
			},
			func() error {
				_, err := set.CoreV1().Services(b.namespace).Get(b.Context(), name, metav1.GetOptions{})
				return err
			},
			func() error {
				_, err := set.CoreV1().ConfigMaps(b.namespace).Get(b.Context(), name, metav1.GetOptions{})
				return err
			},
			func() error {
				_, err := set.PolicyV1().PodDisruptionBudgets(b.namespace).Get(b.Context(), name, metav1.GetOptions{})
				return err
			},
		} {
			if !apierrors.IsNotFound(get()) {
				return false
			}
		}
		return true
	})
}

// What keeps pods from being made or placed is told by the cluster's own words.
func TestWhatCannotRun(t *testing.T) {
	t.Run("quota", func(t *testing.T) {
		b := newBench(t)
		b.node()
		quota := &corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Name: "pods"},
			Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("1")}},
		}
		if _, err := b.admin.CoreV1().ResourceQuotas(b.namespace).Create(t.Context(), quota, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		b.poll("the quota to count", func() bool {
			q, err := b.admin.CoreV1().ResourceQuotas(b.namespace).Get(t.Context(), "pods", metav1.GetOptions{})
			return err == nil && len(q.Status.Hard) > 0
		})
		b.declare(web(t, "v1"), davit.Size{"web": 2})
		b.until("one failed", func(all []davit.Instance) bool {
			return len(all) == 2 && slices.ContainsFunc(all, func(i davit.Instance) bool {
				return i.Condition == davit.Failed && strings.Contains(i.Reason, "exceeded quota: pods")
			})
		})
	})
	t.Run("no node", func(t *testing.T) {
		b := newBench(t)
		b.node()
		began := time.Now()
		b.declare(web(t, "v1", func(s *davit.Service) { s.Resources.MilliCPU = 1_000_000 }), davit.Size{"web": 1})
		b.until("failed", func(all []davit.Instance) bool {
			return are(all, 1, davit.Failed) && strings.HasPrefix(all[0].Reason, "Unschedulable: 0/")
		})
		if took := time.Since(began); took < testPatience-time.Second {
			t.Errorf("it failed after %s, before its patience was over", took)
		}
	})
}

// Where Pod Security is restricted, a pod without a manifest lacks nothing but its user,
// and the guide's manifest has that; baseline takes it as it is.
func TestPodSecurity(t *testing.T) {
	restricted := guide(t, "Without a manifest")[0]
	for name, c := range map[string]struct {
		level, manifest string
		want            davit.Condition
		reason          string
	}{
		"plain in baseline":        {level: "baseline", want: davit.Ready},
		"plain in restricted":      {level: "restricted", want: davit.Failed, reason: `violates PodSecurity "restricted:latest": runAsNonRoot != true (pod or container "web" must set securityContext.runAsNonRoot=true)`},
		"restricted in restricted": {level: "restricted", manifest: restricted, want: davit.Ready},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.node()
			label := []byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"` + c.level + `"}}}`)
			if _, err := b.admin.CoreV1().Namespaces().Patch(t.Context(), b.namespace, types.MergePatchType, label, metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
			b.declare(web(t, "v1", func(s *davit.Service) { s.Manifest = []byte(c.manifest) }), davit.Size{"web": 1})
			b.until(string(c.want), func(all []davit.Instance) bool {
				return are(all, 1, c.want) && strings.HasSuffix(all[0].Reason, c.reason)
			})
		})
	}
}

func TestPinRefuses(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct {
		change func(*davit.Service)
		want   string
	}{
		"a probe that cannot be": {func(s *davit.Service) {
			s.Liveness = &davit.Probe{HTTP: &davit.HTTPProbe{Path: "/", Headers: map[string]string{"no header": "x"}}}
		}, "livenessProbe.httpGet.httpHeaders"},
		"a volume that is not there": {func(s *davit.Service) {
			s.Manifest = []byte("spec: {containers: [{name: web, volumeMounts: [{name: data, mountPath: /data}]}]}")
		}, `volumeMounts[0].name: Not found: "data"`},
		"no image":             {func(s *davit.Service) { s.Image = "" }, "it has no image"},
		"the server's secret":  {func(s *davit.Service) { s.Secrets = map[string]string{"TOKEN": "env:TOKEN"} }, "pods cannot read"},
		"Davit's variable":     {func(s *davit.Service) { s.Env = map[string]string{"DAVIT_RELEASE": "x"} }, "is set by Davit"},
		"an unknown registry":  {func(s *davit.Service) { s.Image, s.ImagePullPolicy = "127.0.0.1:1/web:v1", "" }, "cannot be found out"},
		"files that are large": {func(s *davit.Service) { s.Files[0].Content = make([]byte, mostFileBytes+1) }, "a ConfigMap holds"},
	} {
		t.Run(name, func(t *testing.T) {
			s := web(t, "v1", c.change).Config.Services["web"]
			digest, err := b.runtime.Pin(t.Context(), s)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Pin: %q, %v, want %q", digest, err, c.want)
			}
		})
	}
	if digest, err := b.runtime.Pin(t.Context(), web(t, "v1").Config.Services["web"]); digest != "" || err != nil {
		t.Errorf("an image that is never pulled: %q, %v", digest, err)
	}
	if list, err := b.admin.AppsV1().Deployments(b.namespace).List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) != 0 {
		t.Errorf("asking made %d Deployments, %v", len(list.Items), err)
	}
}

// What others do to a Deployment is told once it is done, and what Davit does is not.
func TestStray(t *testing.T) {
	b := newBench(t)
	told := b.runtime.Stray(t.Context())
	r := web(t, "v1")
	b.declare(r, davit.Size{"web": 2})
	b.declare(r, davit.Size{"web": 1})
	name := objectName("shop", "web", r.ID)
	deployments := b.admin.AppsV1().Deployments(b.namespace)
	if _, err := deployments.Patch(t.Context(), name, types.MergePatchType, []byte(`{"spec":{"replicas":4}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, want := <-told, "Deployment "+name+" was changed, and is to have 4 pods"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	b.declare(r, davit.Size{"web": 1})
	if err := deployments.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, want := <-told, "Deployment "+name+" is gone"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	b.declare(r, davit.Size{"web": 1})
	for kind, remove := range map[string]func(context.Context, string, metav1.DeleteOptions) error{
		"Service": b.admin.CoreV1().Services(b.namespace).Delete, "PodDisruptionBudget": b.admin.PolicyV1().PodDisruptionBudgets(b.namespace).Delete,
	} {
		if err := remove(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if got, want := <-told, kind+" "+name+" is gone"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
		b.declare(r, davit.Size{"web": 1})
		b.owned(name)
	}
	b.declare(r, nil)
	select {
	case got := <-told:
		t.Errorf("told %q of what Davit did", got)
	default:
	}
}

// Files that somebody deleted are made again when a pod says that it needs them.
func TestFilesAreMadeAgain(t *testing.T) {
	b := newBench(t) // without a node, so no pod gets ready
	told := b.runtime.Stray(t.Context())
	r := web(t, "v1")
	name := objectName("shop", "web", r.ID)
	b.declare(r, davit.Size{"web": 1})
	b.poll("the pod", func() bool { return len(b.cluster.podsIn(b.runtime.scope)) == 1 })
	pod := b.cluster.podsIn(b.runtime.scope)[0]
	maps, events := b.admin.CoreV1().ConfigMaps(b.namespace), b.admin.CoreV1().Events(b.namespace)
	for n := range 2 { // what was answered is not told again, and a new complaint is
		if err := maps.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		_, err := events.Create(t.Context(), &corev1.Event{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "mount-"}, Type: corev1.EventTypeWarning, Reason: "FailedMount", LastTimestamp: metav1.Now(),
			Message:        fmt.Sprintf("MountVolume.SetUp failed for volume %q : configmap %q not found", filesVolume, name),
			InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: b.namespace, Name: pod.Name, UID: pod.UID},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := <-told, "ConfigMap "+name+" is gone, say the pods that need it"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
		b.declare(r, davit.Size{"web": 1})
		files, err := maps.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil || string(files.BinaryData[fileKey(0)]) != "v1" {
			t.Fatalf("round %d: the files are %v, %v", n, files.BinaryData, err)
		}
	}
	if what := b.runtime.strayed(); what != "" {
		t.Errorf("it is still told that %s", what)
	}
}

// Fields of others stay theirs, and those of Davit are changed back.
func TestOthersChangeTheDeployment(t *testing.T) {
	b := newBench(t)
	r := web(t, "v1")
	b.declare(r, davit.Size{"web": 2})
	name := objectName("shop", "web", r.ID)
	deployments := b.admin.AppsV1().Deployments(b.namespace)
	for {
		d, err := deployments.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		five := int32(5)
		d.Spec.Replicas = &five
		d.Labels["team"] = "checkout"
		if _, err = deployments.Update(t.Context(), d, metav1.UpdateOptions{FieldManager: "somebody"}); err == nil {
			break
		}
		if !apierrors.IsConflict(err) {
			t.Fatal(err)
		}
	}
	b.declare(r, davit.Size{"web": 2})
	d, err := deployments.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if *d.Spec.Replicas != 2 || d.Labels["team"] != "checkout" {
		t.Errorf("%d replicas, labels %v", *d.Spec.Replicas, d.Labels)
	}
}

// An API server that says no for a while, and watches that break, cost time alone.
func TestAPIServerInTrouble(t *testing.T) {
	b := newBench(t)
	b.node()
	b.api.hinder(6)
	r := web(t, "v1")
	b.declare(r, davit.Size{"web": 2})
	b.api.sever()
	b.until("two ready", func(all []davit.Instance) bool { return are(all, 2, davit.Ready) })
	if b.api.hindered() != 0 {
		t.Errorf("%d of the refusals were not met", b.api.hindered())
	}
	b.api.sever()
	b.declare(r, nil)
	b.until("none", func(all []davit.Instance) bool { return len(all) == 0 })
}

// A cluster that cannot be reached is told, and nothing waits for ever.
func TestUnreachable(t *testing.T) {
	b := newBench(t)
	b.api.close()
	c := b.connect()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := c.Runtime("shop", "production").Instances(ctx)
	if davit.ErrorCode(err) != davit.CodeUnavailable || !strings.Contains(err.Error(), "refused") {
		t.Errorf("Instances: %v", err)
	}
}
