// Package kubernetes runs the releases of an environment on a cluster: one
// Deployment for each service and release, and the Gateway API to split the
// traffic between them.
//
// # Ownership
//
// A [Cluster] is one namespace of one cluster, with one shared watch for each
// kind of object; nothing polls. All that Davit makes there is written by
// server-side apply with the field manager "davit" and labelled
// app.kubernetes.io/managed-by=davit, so that other tools and people see which
// fields are whose. What belongs to a release's service (its Service, its
// PodDisruptionBudget, the ConfigMap with its files) is owned by its Deployment,
// and goes when that is deleted, whether Davit still runs then or not. Nothing of
// Davit is in the way of a request.
//
// # A pod
//
// The pod comes from davit.yaml or, with manifest:, from the user's own pod
// template, into whose container the image, the variables, the probes and the
// files are put. Its environment is
//
//	PORT                                the port that it is to listen on
//	DAVIT_APPLICATION, DAVIT_ENVIRONMENT, DAVIT_RELEASE, DAVIT_VERSION, DAVIT_CONFIG_HASH,
//	DAVIT_SERVICE, DAVIT_INSTANCE       what it is
//	DAVIT_FILES                         where its files are, when it has some
//
// then the service's variables, then its secrets, which are references to
// Secrets of the namespace and never read by Davit. A pod that leaves is taken
// out of the endpoints first, keeps serving until that has gone round (a preStop
// sleep, on servers that know it), and has its grace period from SIGTERM.
package kubernetes
