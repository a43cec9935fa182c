package proxy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/davit-dev/davit"
)

// A position is where a user stands on a circle of 65,536 places. Users on an
// arc that starts at a place of the candidate's own and is as long as its share
// are on the candidate. So a growing share only ever adds users, and the next
// candidate begins with other ones. 65,536 places are too few to tell users
// apart: the cookie is no means of tracking them.
type position uint16

// circle is the number of positions.
const circle = 1 << 16

// arc is the part of the circle whose users are on the candidate.
type arc struct {
	offset position
	length uint32 // 0 to circle
}

// newArc returns the candidate's arc for a share in thousandths.
func newArc(candidate davit.ReleaseID, share int) arc {
	sum := sha256.Sum256([]byte(candidate))
	return arc{
		offset: position(binary.BigEndian.Uint16(sum[:])),
		length: uint32(share * circle / davit.Whole), //nolint:gosec // share is 0 to 1000
	}
}

// holds reports whether the user at p is on the candidate.
func (a arc) holds(p position) bool { return uint32(p+a.offset) < a.length }

// sequence gives newcomers their positions. Steps of the golden ratio spread
// any number of consecutive newcomers over the circle more evenly than chance
// would: the part of them that falls on an arc is off by far less than half a
// percentage point after a thousand.
type sequence struct{ next atomic.Uint64 }

func newSequence() *sequence {
	s := &sequence{}
	s.next.Store(rand.Uint64()) //nolint:gosec // evens out shares, guards nothing
	return s
}

// take returns the next newcomer's position.
func (s *sequence) take() position {
	const goldenRatio = 0x9E3779B97F4A7C15 // of 2^64
	return position(s.next.Add(goldenRatio) >> 48)
}

// The affinity cookie: position and its signature, in base64.
const (
	cookieName   = "davit"
	cookieMAC    = 10 // bytes
	cookieMaxAge = "604800"
)

// signer signs and verifies positions. It is safe for concurrent use.
type signer struct{ macs sync.Pool }

func newSigner(key []byte) *signer {
	return &signer{macs: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// encode returns the cookie's value for p.
func (s *signer) encode(p position) string {
	raw := binary.BigEndian.AppendUint16(make([]byte, 0, 2+cookieMAC), uint16(p))
	return base64.RawURLEncoding.EncodeToString(append(raw, s.sum(p)[:cookieMAC]...))
}

// decode returns the position in a cookie's value, and false for one that is
// not ours.
func (s *signer) decode(value string) (position, bool) {
	var raw [2 + cookieMAC]byte
	if base64.RawURLEncoding.DecodedLen(len(value)) != len(raw) {
		return 0, false
	}
	if _, err := base64.RawURLEncoding.Strict().Decode(raw[:], []byte(value)); err != nil {
		return 0, false
	}
	p := position(binary.BigEndian.Uint16(raw[:]))
	return p, hmac.Equal(raw[2:], s.sum(p)[:cookieMAC])
}

func (s *signer) sum(p position) []byte {
	mac := s.macs.Get().(hash.Hash) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	defer s.macs.Put(mac)
	mac.Reset()
	mac.Write([]byte("davit position"))
	mac.Write(binary.BigEndian.AppendUint16(nil, uint16(p)))
	return mac.Sum(nil)
}

// find returns the position in the request's cookies, if there is a genuine one.
func (s *signer) find(header http.Header) (position, bool) {
	for _, line := range header["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			value, ok := strings.CutPrefix(strings.TrimSpace(pair), cookieName+"=")
			if !ok {
				continue
			}
			if p, genuine := s.decode(value); genuine {
				return p, true
			}
		}
	}
	return 0, false
}

// setCookie returns the Set-Cookie line that keeps a user at p.
func (s *signer) setCookie(p position, secure bool) string {
	line := cookieName + "=" + s.encode(p) + "; Path=/; Max-Age=" + cookieMaxAge + "; HttpOnly; SameSite=Lax"
	if secure {
		line += "; Secure"
	}
	return line
}
