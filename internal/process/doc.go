// Package process runs instances as plain processes of this host.
//
// # Ownership
//
// One [Host] owns every process under one directory and holds its lock. What
// should run is written down before it is acted upon, and every process has a
// record; so a host that was closed or killed leaves its processes running,
// and the next one adopts them: a record names a process by pid, start time
// and boot, and a process carries the name of its directory and instance in
// its environment. Signals go through a pidfd whose identity was checked
// after it was opened, so a pid that another program has by now is never
// signalled. A process that carries the mark and that no record names is
// ended.
//
// # An instance
//
// An instance is the leader of its own session, in a working directory of its
// own. Its environment is PATH, HOME, LANG, TZ and TMPDIR of the server, then
//
//	PORT                                where to listen, on 127.0.0.1
//	DAVIT_APPLICATION, DAVIT_ENVIRONMENT, DAVIT_RELEASE, DAVIT_VERSION, DAVIT_CONFIG_HASH,
//	DAVIT_SERVICE, DAVIT_INSTANCE       what it is
//	DAVIT_ARTIFACT                      the pinned file or folder
//	DAVIT_STATE                         whose it is
//
// then the service's variables, then its secrets. It is stopped with SIGTERM to
// all of its processes and, after the grace period, SIGKILL to those that are
// left. What it leaves behind when it ends by itself is killed at once.
//
// # Readiness
//
// Without a readiness probe, a service with traffic is ready when its port
// accepts connections, and a worker when its startup probe has passed or,
// without one, when it is still alive after 300 ms. The liveness probe starts
// once the startup probe has passed or the instance was ready.
//
// # What ends with what
//
// Instances end when the machine does, and when what started the server ends all
// of its processes: a systemd unit needs KillMode=process. A process that leaves
// its session and removes the marks from its environment as well escapes.
//
// # Limits
//
// Resources.OpenFiles is enforced by a resource limit that is set right after
// the start. Memory and CPU are reported in davit.Usage and not enforced.
//
// The package needs Linux (5.3 or newer, for pidfd); elsewhere [Open] returns
// an error of davit.CodeUnsupported.
package process
