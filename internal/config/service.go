package config

import "github.com/davit-dev/davit"

// service is a part of the application.
type service struct {
	command   item[[]string]
	image     item[string]
	pull      item[string]
	manifest  item[string]
	artifact  item[string]
	traffic   item[bool]
	port      item[int]
	protocol  item[davit.Protocol]
	replicas  item[int]
	autoscale item[autoscale]
	env       dictionary[string]
	secrets   dictionary[string]
	files     sequence[declaredFile]
	probes    item[probes]
	resources item[resources]
	grace     item[davit.Duration]
	drain     item[davit.Duration]
}

func (*service) about() about {
	return about{name: "a service", doc: "A part of the application: a program that runs in some instances. " +
		"In an environment's overrides every key is optional; `env`, `secrets`, `probes` and `resources` are merged " +
		"key by key, everything else is replaced."}
}

func (s *service) fields() []field {
	return []field{
		{
			key: "command", into: command(&s.command), absent: "the image's own",
			doc: "program and arguments. Text is cut into words as a shell does, and no shell runs it. " +
				"A relative program is looked for in the artifact; on a cluster, where there is none, such a command is left out, and the image has its own. `${PORT}` and other upper-case names are variables of the instance",
		},
		{
			key: "image", into: scalar(&s.image, plain()),
			doc: "container image, for platforms that run containers. A tag is pinned to its digest when a release is made",
		},
		{
			key: "imagePullPolicy", into: scalar(&s.pull, pullPolicy()), absent: "the cluster's own",
			doc: "when a node of a cluster fetches the image. `Never` is for images that the nodes have already: their names are used as they are, without asking a registry",
		},
		{
			key: "manifest", into: scalar(&s.manifest, plain()),
			doc: "file with a pod template of your own (a Deployment, a PodTemplate, a Pod, or only its metadata and spec), for the platform `kubernetes`: " +
				"volumes, sidecars, affinity. What is said here is put into its container of the service's name, or its only one",
		},
		{
			key: "artifact", into: scalar(&s.artifact, plain()),
			doc: "file or folder that `command` runs. It is copied and pinned by digest when a release is made",
		},
		{
			key: "traffic", into: scalar(&s.traffic, flag()), initial: "true",
			doc: "`false` for workers: they follow their release and get no requests",
		},
		{
			key: "port", into: scalar(&s.port, port()), absent: "the platform chooses one and says so in the variable `PORT`",
			doc: "port that instances listen on. On the platform `process` releases run side by side on one host, and a fixed port can be had once",
		},
		{
			key: "protocol", into: scalar(&s.protocol, protocol()), initial: "http",
			doc: "what instances speak: HTTP/1.1; HTTP/2 without TLS; or that and nothing but gRPC, which a Gateway then routes by GRPCRoutes",
		},
		{key: "replicas", into: scalar(&s.replicas, integer(0, maxReplicas)), initial: "1", doc: "number of instances at full size; with `autoscale`, the least"},
		{
			key: "autoscale", into: object(&s.autoscale), absent: "the number of instances stays at `replicas`",
			doc: "let the cluster choose the number of instances, for the platform `kubernetes`",
		},
		{
			key: "env", into: tableOf(&s.env, maxItems, variableName(), as(variable())),
			doc: "environment variables, as plain text",
		},
		{
			key: "secrets", into: tableOf(&s.secrets, maxItems, variableName(), as(reference(true))),
			doc: "environment variables whose values are read from `env:NAME` or `file:/path`, on a cluster from `secret:NAME/KEY`, when an instance starts, and never stored, logged or printed",
		},
		{
			key: "files", into: listOf(&s.files, maxDeclaredFiles, object[declaredFile]),
			doc: "files that are written into the instance's working directory, on a cluster into the folder in the variable `DAVIT_FILES`; they are part of the release",
		},
		{key: "probes", into: object(&s.probes), doc: "how an instance is asked how it is"},
		{key: "resources", into: object(&s.resources), doc: "bounds of an instance, where the platform can enforce them"},
		{key: "grace", into: scalar(&s.grace, duration(0)), initial: "10s", doc: "time from SIGTERM until an instance is killed"},
		{
			key: "drain", into: scalar(&s.drain, duration(0)), initial: "30s",
			doc: "how long requests in flight may take before their instance is stopped all the same",
		},
	}
}

// resources bound an instance.
type resources struct {
	memory    item[int64]
	cpu       item[int64]
	openFiles item[int64]
}

func (*resources) about() about {
	return about{name: "resources", doc: "Bounds of one instance, enforced where the platform can."}
}

func (r *resources) fields() []field {
	return []field{
		{key: "memory", into: scalar(&r.memory, size[int64](1<<50)), absent: "no bound", doc: "memory, such as `256Mi`"},
		{key: "cpu", into: scalar(&r.cpu, cpu()), absent: "no bound", doc: "processors: `2`, `0.5`, or `500m` in thousandths"},
		{key: "openFiles", into: scalar(&r.openFiles, integer[int64](16, 1<<24)), absent: "no bound", doc: "open files and connections"},
	}
}

// declaredFile is a file of an instance.
type declaredFile struct {
	path    item[string]
	source  item[string]
	content item[string]
	mode    item[uint32]
}

const maxDeclaredFiles = 64

func (*declaredFile) about() about {
	return about{name: "a file", doc: "A file that is written into the working directory of every instance before it starts."}
}

func (*declaredFile) oneOf() []string { return []string{"source", "content"} }

func (f *declaredFile) fields() []field {
	return []field{
		{key: "path", into: scalar(&f.path, inside()), required: true, doc: "where it is written, relative to the working directory"},
		{key: "source", into: scalar(&f.source, plain()), doc: "file to copy as it is, 1 MiB at most"},
		{key: "content", into: scalar(&f.content, literal(strictly)), doc: "the content itself, variables replaced"},
		{key: "mode", into: scalar(&f.mode, permissions()), initial: `"0644"`, doc: "permission bits"},
	}
}
