//go:build linux

package cluster

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// auditLog is where the API server writes who asked for what.
const auditLog = logDir + "/requests.json"

// Request is a request that the API server answered, or is answering: a watch.
type Request struct {
	At     time.Time // when it came
	User   string
	Agent  string // the client's User-Agent
	Verb   string // "get", "list", "watch", "create", "update", "patch", "delete"
	Object string // "deployments", "pods/log"; a path when it is no object
	Status int    // of HTTP
}

// Requests returns the requests of clients whose User-Agent begins with agent, in
// the order in which they were answered. It is how a test shows how many there
// are, and that nobody polls.
func (c *Cluster) Requests(agent string) ([]Request, error) {
	if c.foreign {
		return nil, ErrForeign
	}
	log, err := os.Open(auditLog)
	if err != nil {
		return nil, fmt.Errorf("reading the requests to the API server: %w", err)
	}
	defer log.Close() //nolint:errcheck // nothing was written
	seen := map[string]bool{}
	var all []Request
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct {
			AuditID                  string
			Verb, RequestURI         string
			UserAgent                string
			User                     struct{ Username string }
			ObjectRef                struct{ Resource, Subresource string }
			ResponseStatus           struct{ Code int }
			RequestReceivedTimestamp time.Time
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			break // the last line is being written
		}
		// A watch is told of when it begins, and again when it ends.
		if seen[event.AuditID] || !strings.HasPrefix(event.UserAgent, agent) {
			continue
		}
		seen[event.AuditID] = true
		object := event.RequestURI
		if event.ObjectRef.Resource != "" {
			object = strings.TrimSuffix(event.ObjectRef.Resource+"/"+event.ObjectRef.Subresource, "/")
		}
		all = append(all, Request{
			At: event.RequestReceivedTimestamp, User: event.User.Username, Agent: event.UserAgent,
			Verb: event.Verb, Object: object, Status: event.ResponseStatus.Code,
		})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the requests to the API server: %w", err)
	}
	return all, nil
}
