package flag

import (
	"encoding/binary"
	"math/bits"
)

// salt begins what a split hashes. It is hashed once, as far as its whole blocks
// go.
type salt struct {
	state uint32
	size  uint32 // bytes in all
	rest  [4]byte
	left  int // bytes of rest
}

const (
	murmurC1 = 0xcc9e2d51
	murmurC2 = 0x1b873593
)

func newSalt(text string) salt {
	s := salt{size: uint32(len(text))} //nolint:gosec // bounded by the compiler
	for len(text) >= 4 {
		s.state = murmurBlock(s.state, uint32(text[0])|uint32(text[1])<<8|uint32(text[2])<<16|uint32(text[3])<<24)
		text = text[4:]
	}
	s.left = copy(s.rest[:], text)
	return s
}

// hash returns the 32-bit murmur3 of the salt and a text after it, with seed 0.
func (s *salt) hash(text string) uint32 {
	state := s.state
	size := s.size + uint32(len(text)) //nolint:gosec // the length counts modulo 2^32
	// The salt's last bytes begin a block that the text ends.
	rest, left := uint64(binary.LittleEndian.Uint32(s.rest[:])), s.left*8
	for ; len(text) >= 4; text = text[4:] {
		word := uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24
		rest |= word << left
		state = murmurBlock(state, uint32(rest)) //nolint:gosec // the low half
		rest >>= 32
	}
	for i := range len(text) {
		rest |= uint64(text[i]) << left
		if left += 8; left == 32 {
			state = murmurBlock(state, uint32(rest)) //nolint:gosec // the low half
			rest, left = 0, 0
		}
	}
	if left > 0 {
		state ^= murmurMix(uint32(rest)) //nolint:gosec // 3 bytes at most
	}
	state ^= size
	state = (state ^ state>>16) * 0x85ebca6b
	state = (state ^ state>>13) * 0xc2b2ae35
	return state ^ state>>16
}

func murmurMix(block uint32) uint32 { return bits.RotateLeft32(block*murmurC1, 15) * murmurC2 }

func murmurBlock(state, block uint32) uint32 {
	return bits.RotateLeft32(state^murmurMix(block), 13)*5 + 0xe6546b64
}
