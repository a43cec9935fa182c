package kubernetes

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/davit-dev/davit"
)

// carried asks a pod by way of an API server, which may be below a path.
func carried(t *testing.T, server http.Handler, below, host string) (*http.Response, error) {
	t.Helper()
	s := httptest.NewServer(server)
	t.Cleanup(s.Close)
	known, err := newAPI(&rest.Config{Host: s.URL + below, BearerToken: "secret"}, "shop")
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://10.1.2.3:8080/a%2Fb/c?d=e%20f", strings.NewReader("asked"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Davit-Release", "v2")
	request.Host = host
	return carrier{known, davit.Instance{ID: "web-1", Address: "10.1.2.3:8080"}}.RoundTrip(request)
}

func TestCarry(t *testing.T) {
	for _, c := range []struct{ below, host, wantHost string }{
		{"", "shop.example.org", "shop.example.org"},
		{"", "", "10.1.2.3:8080"},
		{"/k8s/clusters/c-1", "shop.example.org", "127.0.0.1"},
	} {
		res, err := carried(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if want := c.below + "/api/v1/namespaces/shop/pods/web-1:8080/proxy/a%2Fb/c?d=e%20f"; r.Method != http.MethodPost || r.RequestURI != want || string(body) != "asked" {
				t.Errorf("asked %s %s with %q, want %s", r.Method, r.RequestURI, body, want)
			}
			if r.Header.Get("Davit-Release") != "v2" || r.Header.Get("Authorization") != "Bearer secret" || !strings.HasPrefix(r.Host, c.wantHost) {
				t.Errorf("asked %s with %v, want host %s", r.Host, r.Header, c.wantHost)
			}
			w.Header().Set(auditHeader, "1")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, `{"kind": "Teapot"}`)
		}), c.below, c.host)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusTeapot || string(body) != `{"kind": "Teapot"}` {
			t.Errorf("came %d %s, %v", res.StatusCode, body, err)
		}
	}
}

// Only what the pod did counts against it.
func TestCarryTellsWhoseFaultItIs(t *testing.T) {
	unreachable := func(why string) error {
		return apierrors.NewServiceUnavailable("error trying to reach service: " + why)
	}
	for _, c := range []struct {
		says error
		pods bool
		code davit.Code
	}{
		{unreachable("dial tcp 10.1.2.3:8080: connect: connection refused"), true, ""},
		{unreachable("EOF"), true, ""},
		{unreachable("read tcp 10.1.0.1:41->10.1.2.3:8080: read: connection reset by peer"), true, ""},
		{unreachable("dial tcp 10.1.2.3:8080: i/o timeout"), false, davit.CodeUnavailable},
		{unreachable("dial tcp 10.1.2.3:8080: connect: no route to host"), false, davit.CodeUnavailable},
		{apierrors.NewForbidden(pods, "web-1", nil), false, davit.CodeRefused},
		{apierrors.NewUnauthorized("who?"), false, davit.CodeRefused},
		{apierrors.NewNotFound(pods, "web-1"), false, davit.CodeNotFound},
		{apierrors.NewTooManyRequests("slow down", 1), false, davit.CodeUnavailable},
	} {
		_, err := carried(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			status := c.says.(apierrors.APIStatus).Status()
			status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
			w.Header().Set(auditHeader, "1")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(int(status.Code))
			_ = json.NewEncoder(w).Encode(status)
		}), "", "")
		if err == nil || !strings.Contains(err.Error(), c.says.Error()) {
			t.Fatalf("%v: %v", c.says, err)
		}
		if between := davit.ErrorCode(err) != davit.CodeInternal; between == c.pods || between && davit.ErrorCode(err) != c.code {
			t.Errorf("%v: the pod's own %t, want %t, with code %s, want %s", c.says, !between, c.pods, davit.ErrorCode(err), c.code)
		}
	}
}

// Who answers in the API server's place says nothing about the pod, nor does nobody.
func TestCarryPastTheAPIServer(t *testing.T) {
	_, err := carried(t, http.NotFoundHandler(), "", "")
	if davit.ErrorCode(err) != davit.CodeUnavailable || !strings.Contains(err.Error(), "not by way of an API server") {
		t.Errorf("another server: %v", err)
	}
	_, err = carried(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "", "")
	if davit.ErrorCode(err) != davit.CodeUnavailable {
		t.Errorf("nobody: %v", err)
	}
}

// TestCarryKeepsCredentials has a request with credentials for the pod: the API server
// is not shown them.
func TestCarryKeepsCredentials(t *testing.T) {
	asked := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	known, err := newAPI(&rest.Config{Host: s.URL, BearerToken: "secret"}, "shop")
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://10.1.2.3:8080/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("anna", "the-password")
	answer, err := carrier{known, davit.Instance{ID: "web-1", Address: "10.1.2.3:8080"}}.RoundTrip(request)
	if answer != nil {
		t.Cleanup(func() { answer.Body.Close() }) //nolint:errcheck // nothing is read of it
	}
	s.Close() // and with it whoever is being served
	if davit.ErrorCode(err) != davit.CodeUnsupported || asked {
		t.Errorf("answered %v, and the API server was asked: %v", err, asked)
	}
}
