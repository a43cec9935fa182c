package proxy

import "sync"

// bufferSize fits a TCP segment burst and a TLS record twice over.
const bufferSize = 32 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

func getBuffer() *[]byte  { return buffers.Get().(*[]byte) } //nolint:errcheck,forcetypeassert // the pool holds nothing else
func putBuffer(b *[]byte) { buffers.Put(b) }
