// Package examples holds the source of the example applications, so that
// "davit demo" can build them wherever a Go toolchain is.
package examples

import "embed"

// Shop is the folder shop: the source, davit.yaml and the releases of the
// application that the demo deploys.
//
//go:embed shop/*.go shop/page.html shop/davit.yaml shop/releases/*.json
var Shop embed.FS
