package proxy

import "sync"

// A copy goes through a small buffer until a read fills it: most of what holds
// one for long waits, for an event or for a slow client.
const (
	smallBuffer = 4 << 10
	bufferSize  = 32 << 10 // fits a TCP segment burst and a TLS record twice over
)

var (
	smallBuffers = sync.Pool{New: func() any { b := make([]byte, smallBuffer); return &b }}
	buffers      = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}
)

// getBuffer returns a buffer for a length that is expected; -1 for an unknown one.
func getBuffer(length int64) *[]byte {
	if length > smallBuffer {
		return buffers.Get().(*[]byte) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	}
	return smallBuffers.Get().(*[]byte) //nolint:errcheck,forcetypeassert // as above
}

// grow returns a large buffer for one that a read has filled. What was in it is
// lost.
func grow(b *[]byte) *[]byte {
	if len(*b) == bufferSize {
		return b
	}
	putBuffer(b)
	return getBuffer(bufferSize)
}

func putBuffer(b *[]byte) {
	if len(*b) == bufferSize {
		buffers.Put(b)
		return
	}
	smallBuffers.Put(b)
}
