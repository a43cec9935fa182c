package receipt

import (
	"encoding/base64"
	"fmt"
)

// PayloadType is the type of what an envelope holds: an in-toto statement.
const PayloadType = "application/vnd.in-toto+json"

// Envelope is a DSSE envelope (github.com/secure-systems-lab/dsse, version 1).
type Envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"` // base64
	Signatures  []Signature `json:"signatures"`
}

// Signature is one signature of an envelope.
type Signature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"` // base64
}

// Signer signs messages with a key that has a name.
type Signer interface {
	KeyID() string
	Sign(message []byte) ([]byte, error)
}

// seal puts a payload in an envelope.
func seal(payload []byte, signer Signer) (Envelope, error) {
	signature, err := signer.Sign(pae(PayloadType, payload))
	if err != nil {
		return Envelope{}, fmt.Errorf("signing the receipt: %w", err)
	}
	return Envelope{
		PayloadType: PayloadType, Payload: base64.StdEncoding.EncodeToString(payload),
		Signatures: []Signature{{KeyID: signer.KeyID(), Sig: base64.StdEncoding.EncodeToString(signature)}},
	}, nil
}

// pae is DSSE's pre-authentication encoding: what is signed, in which type and
// payload cannot be taken for one another.
func pae(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// decode reads base64 in its one canonical form.
func decode(text string) ([]byte, error) { return base64.StdEncoding.Strict().DecodeString(text) }
