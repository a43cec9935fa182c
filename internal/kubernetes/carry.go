package kubernetes

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/davit-dev/davit"
)

// Carry returns what carries requests to an instance by the API server's proxy of
// pods, which reaches them wherever the server runs. What it returns as a
// *davit.Error says nothing about the pod. HTTP/2 without TLS is not carried, nor is
// an Authorization: the API server would take it for itself, and hand none on.
func (r *Runtime) Carry(i davit.Instance) http.RoundTripper {
	return carrier{r.cluster.api, i}
}

// carrier carries requests to one pod.
type carrier struct {
	api      api
	instance davit.Instance
}

// auditHeader is in every answer that came by way of an API server.
const auditHeader = "Audit-Id"

// RoundTrip implements http.RoundTripper.
func (c carrier) RoundTrip(request *http.Request) (*http.Response, error) {
	asking := doing("asking", "Pod", c.instance.ID) + " through the API server"
	if request.Header.Get("Authorization") != "" {
		return nil, &davit.Error{
			Code: davit.CodeUnsupported, Message: asking + ": an Authorization cannot be handed on to a pod",
			Hint: "ask at the front door, or let the path that is asked need none",
		}
	}
	_, port, err := net.SplitHostPort(c.instance.Address)
	if err != nil {
		return nil, &davit.Error{Code: davit.CodeUnavailable, Message: asking, Err: err}
	}
	sent := request.Clone(request.Context())
	sent.Host = cmp.Or(request.Host, request.URL.Host)
	pod := c.api.pods().proxy(c.instance.ID + ":" + port).URL()
	if strings.Trim(c.api.base.Path, "/") != "" { // something before the API server routes
		sent.Host = ""
	}
	if sent.URL, err = below(pod, request.URL); err != nil {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: asking, Err: err}
	}
	res, err := c.api.transport.RoundTrip(sent)
	if err != nil {
		return nil, refusal(asking+": no answer came, of the API server or of the pod", err)
	}
	err = spoken(res)
	if err == nil && res.Header.Get(auditHeader) == "" {
		err = errors.New("the answer is not by way of an API server: " + res.Status)
	}
	if err == nil {
		return res, nil
	}
	if err := errors.Join(err, res.Body.Close()); !podsOwn(err) {
		return nil, refusal(asking, err)
	}
	return nil, err
}

// below returns the URL of a path, with its query, below the proxy of a pod.
func below(pod, u *url.URL) (*url.URL, error) {
	to := *pod
	path := strings.TrimSuffix(pod.EscapedPath(), "/") + "/" + strings.TrimPrefix(u.EscapedPath(), "/")
	var err error
	to.RawPath, to.RawQuery = path, u.RawQuery
	to.Path, err = url.PathUnescape(path)
	return &to, err
}

// spoken returns what the API server itself said; nil when it was the pod.
func spoken(res *http.Response) error {
	const longest = 64 << 10
	if res.StatusCode < 400 || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		return nil
	}
	start, err := io.ReadAll(io.LimitReader(res.Body, longest))
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), res.Body), res.Body}
	var status metav1.Status
	if err != nil || json.Unmarshal(start, &status) != nil || status.Kind != "Status" || status.APIVersion != "v1" || status.Status != metav1.StatusFailure {
		return nil //nolint:nilerr // whoever reads the body has the error too
	}
	return &apierrors.StatusError{ErrStatus: status}
}

// podsOwn reports whether what the API server said of a pod is the pod's own doing:
// it was reached, and accepted no connection or did not answer on it. Anything else
// may be between them.
func podsOwn(err error) bool {
	for _, says := range []string{"connection refused", "connection reset by peer", "EOF", "malformed HTTP"} {
		if strings.Contains(err.Error(), "trying to reach service") && strings.Contains(err.Error(), says) {
			return true
		}
	}
	return false
}
