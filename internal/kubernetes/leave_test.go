package kubernetes

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestSides has pods leave by what a Deployment loses, not by how many there are.
func TestSides(t *testing.T) {
	began := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	// A letter is a pod, the oldest first: a serves; i is ready and idle; s starts, and
	// is to serve.
	pods := func(kinds string) (all []*corev1.Pod) {
		for i, kind := range kinds {
			p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
				Name: string(kind) + string(rune('0'+i)), CreationTimestamp: metav1.NewTime(began.Add(time.Duration(i) * time.Second)), Labels: map[string]string{},
			}}
			if kind != 'i' {
				p.Labels[labelServing] = serving
			}
			if kind != 's' {
				p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
			}
			all = append(all, p)
		}
		return all
	}
	names := func(all []*corev1.Pod) string {
		var each []string
		for _, p := range all {
			each = append(each, p.Name)
		}
		return strings.Join(each, " ")
	}
	for _, c := range []struct {
		name           string
		pods           string
		has, n         int
		leave, staying string
	}{
		{"as many as before", "aaa", 3, 3, "", "a2 a1 a0"},
		{"the youngest leaves", "aaa", 3, 2, "a2", "a1 a0"},
		{"one that starts leaves first", "asa", 3, 2, "s1", "a2 a0"},
		{"one that was chosen leaves", "iaa", 3, 2, "i0", "a2 a1"},
		{"hauled back", "iai", 3, 3, "", "i2 i0 a1"},
		{"hauled back in part", "iaii", 4, 2, "i3 i2", "i0 a1"},
		{"what the cluster is about to stop is left alone", "iai", 1, 1, "", "a1"},
		{"one too many while another is replaced is left alone", "aas", 2, 2, "", "a1 a0"},
		{"not all are made yet", "aa", 3, 1, "a1", "a0"},
		{"fewer than are to stay", "a", 3, 2, "", "a0"},
		{"none", "", 0, 2, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			leaving, staying := sides(pods(c.pods), c.has, c.n)
			if names(leaving) != c.leave || names(staying) != c.staying {
				t.Errorf("%q leave and %q stay, want %q and %q", names(leaving), names(staying), c.leave, c.staying)
			}
		})
	}
}
