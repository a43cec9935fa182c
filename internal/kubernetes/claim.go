package kubernetes

import (
	"fmt"

	"github.com/davit-dev/davit"
)

// annotationServer names the installation of Davit that runs an environment. It is
// on the environment's Deployments.
const annotationServer = "davit.dev/server"

// claimed refuses an environment that another installation runs: it has a record of
// its own, and each of the two would undo what the other does.
func (c *Cluster) claimed(s scope) error {
	for _, d := range c.deploymentsIn(s) {
		if owner := d.Annotations[annotationServer]; owner != "" && owner != c.server {
			return &davit.Error{
				Code:    davit.CodeRefused,
				Message: fmt.Sprintf("%s/%s in %s is run by another Davit, %s", s.application, s.environment, c, owner),
				Hint: fmt.Sprintf("deploy it from there; or, if that one is gone for good, make it nobody's: kubectl --namespace %s annotate deployments --selector %s=%s,%s=%s %s-",
					c.namespace, labelApplication, s.application, labelEnvironment, s.environment, annotationServer),
			}
		}
	}
	return nil
}
