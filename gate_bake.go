package davit

import (
	"fmt"
	"time"
)

// GateBake is the kind of gate that holds a stage for a time.
const GateBake = "bake"

// BakeParams are the parameters of a bake gate: it passes when its stage has
// been held for a time.
type BakeParams struct {
	For Duration `json:"for"`
}

// Bake returns a gate that passes d after its stage was reached.
func Bake(d time.Duration) Gate {
	return gate(GateBake, "bake", fmt.Sprintf("held for %s", d), Duration(d), BakeParams{For: Duration(d)})
}
