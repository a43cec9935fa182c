package davit

// A Service is one part of an application, as one release runs it: the
// configuration of one environment resolved for one version. It is part of a
// Release and never changes. Secrets are named, not held.
type Service struct {
	Name string `json:"name"`

	// Command is the argument vector of an instance on the process platform.
	//
	// The first element names the program: the artifact, by its path or base
	// name if it is a file; a file inside it, by absolute or relative path, if
	// it is a folder; any other absolute path; or else a name without a slash,
	// which is looked up on PATH. What is in the artifact runs from its pinned
	// copy, whose place is in the variable DAVIT_ARTIFACT.
	//
	// In all elements after the first, $PORT and ${NAME} become what the
	// instance's environment says. A name that is not set, and a secret, stay
	// as they are: arguments can be read by everybody on the machine.
	Command []string `json:"command,omitempty"`
	// Image is the container image. Release.Artifacts holds its digest, where the
	// platform needs one.
	Image string `json:"image,omitempty"`
	// ImagePullPolicy is when a node fetches the image: Always, IfNotPresent or
	// Never; "" leaves it to the cluster.
	ImagePullPolicy string `json:"imagePullPolicy,omitempty"`
	// Manifest is the user's own pod template, as YAML, that the instances are
	// made from on a cluster.
	Manifest []byte `json:"manifest,omitempty"`
	// Artifact is the absolute path of the file or folder that Command runs.
	// It is copied and pinned by digest when the release is made, so that a
	// later build in the same place does not change an older release.
	Artifact string `json:"artifact,omitempty"`

	// Traffic is false for workers: they follow their release, and no request
	// is routed to them.
	Traffic bool `json:"traffic"`
	// Port that instances listen on; 0 lets the platform choose one and say
	// so in the variable PORT.
	Port int `json:"port,omitempty"`
	// Protocol that instances speak to the proxy.
	Protocol Protocol `json:"protocol,omitempty"`
	// Replicas is the full size of the service, in instances; the least when it is
	// autoscaled.
	Replicas int `json:"replicas"`
	// Autoscale leaves the number of instances to the platform, where it can choose
	// it; nil keeps it at Replicas.
	Autoscale *Autoscale `json:"autoscale,omitempty"`

	Env     map[string]string `json:"env,omitempty"`
	Secrets map[string]string `json:"secrets,omitempty"` // variable -> reference ("env:NAME", "file:/path", on a cluster "secret:NAME/KEY"), resolved when an instance starts
	Files   []File            `json:"files,omitempty"`

	Startup   *Probe `json:"startup,omitempty"`
	Readiness *Probe `json:"readiness,omitempty"`
	Liveness  *Probe `json:"liveness,omitempty"`

	Resources Resources `json:"resources"`
	// Grace is how long an instance may take from SIGTERM to its end before
	// it is killed.
	Grace Duration `json:"grace"`
	// DrainLimit is how long requests in flight may take to end before their
	// instance is stopped all the same.
	DrainLimit Duration `json:"drainLimit"`
}

// Protocol is what an instance speaks.
type Protocol string

// The protocols of Service.Protocol.
const (
	ProtocolHTTP1 Protocol = "http"
	ProtocolH2C   Protocol = "h2c"  // HTTP/2 with prior knowledge over cleartext, as gRPC uses
	ProtocolGRPC  Protocol = "grpc" // the same, and nothing but gRPC
)

// HTTP2 reports whether instances speak HTTP/2 with prior knowledge over cleartext.
func (p Protocol) HTTP2() bool { return p == ProtocolH2C || p == ProtocolGRPC }

// File is a file written into an instance's working directory before it
// starts. Its content is part of the release's configuration hash.
type File struct {
	Path    string `json:"path"` // relative to the working directory, clean, inside it
	Content []byte `json:"content"`
	Mode    uint32 `json:"mode,omitempty"` // permission bits; 0 means 0644
}

// Resources bound an instance where the platform can enforce it. Zero means
// no bound.
type Resources struct {
	MemoryBytes int64 `json:"memoryBytes,omitempty"`
	MilliCPU    int64 `json:"milliCPU,omitempty"`
	OpenFiles   int64 `json:"openFiles,omitempty"`
}

// A Probe asks an instance how it is. Exactly one of HTTP, TCP and Exec is set.
type Probe struct {
	HTTP *HTTPProbe `json:"http,omitempty"`
	TCP  *TCPProbe  `json:"tcp,omitempty"`
	Exec *ExecProbe `json:"exec,omitempty"`

	Period           Duration `json:"period"`
	Timeout          Duration `json:"timeout"`
	FailureThreshold int      `json:"failureThreshold"` // failures in a row that make it count
	SuccessThreshold int      `json:"successThreshold"` // successes in a row that make it count
}

// HTTPProbe passes when GET Path answers 200 to 399.
type HTTPProbe struct {
	Path    string            `json:"path"`
	Port    int               `json:"port,omitempty"` // 0: the instance's own
	Headers map[string]string `json:"headers,omitempty"`
}

// TCPProbe passes when a connection to Port (0: the instance's own) opens.
type TCPProbe struct {
	Port int `json:"port,omitempty"`
}

// ExecProbe passes when Command, run in the instance's environment, exits 0.
type ExecProbe struct {
	Command []string `json:"command"`
}
