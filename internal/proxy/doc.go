// Package proxy is the embedded reverse proxy: the data plane, which runs as a
// process of its own ("davit proxy"), and what the server drives it with.
//
// The data plane ([Run], [Proxy]) serves by a [Table] that it keeps on disk. The
// server starts or adopts it ([Supervisor]), speaks to it over a unix socket
// ([Client]), and turns the routings of all environments and their ready
// instances into one numbered table ([Router]).
//
// On the path of a request the table in effect is one atomic pointer to an
// immutable, compiled form; nothing there waits for a table being changed.
package proxy
