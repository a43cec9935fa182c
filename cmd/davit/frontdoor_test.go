package main

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/engine"
)

// gated is a Router whose front door is somebody else's.
type gated struct {
	one
	address string
	chooses bool
	err     error
}

func (g gated) FrontDoor(context.Context) (string, bool, error) { return g.address, g.chooses, g.err }

func TestFindDoor(t *testing.T) {
	silent := errors.New("the Gateway does not say where it answers")
	for name, c := range map[string]struct {
		front            davit.Front
		router           engine.Router // nil is this machine's
		url, fails, deaf string
	}{
		"the address of the Gateway": {router: gated{address: "http://10.0.0.9:80", chooses: true}, url: "http://10.0.0.9:80"},
		"the one that is named":      {front: davit.Front{Address: "https://shop.test"}, router: gated{address: "http://10.0.0.9:80", chooses: true}, url: "https://shop.test"},
		"that of a silent Gateway":   {front: davit.Front{Address: "https://shop.test"}, router: gated{chooses: true, err: silent}, url: "https://shop.test"},
		"none":                       {router: gated{chooses: true, err: silent}, fails: "does not say"},
		"one Service":                {front: davit.Front{Address: "http://web.test"}, router: gated{}, url: "http://web.test", deaf: "no Gateway"},
		"one Service somewhere":      {router: gated{}, fails: "it is not known where users come in"},
		"a cluster that is away":     {front: davit.Front{Address: "http://web.test"}, router: gated{err: silent}, fails: "does not say"},
		"the machine's own":          {front: davit.Front{Listen: []davit.Listener{{Address: ":8080"}}}, url: "http://127.0.0.1:8080"},
		"the machine's with TLS":     {front: davit.Front{Listen: []davit.Listener{{Address: "[::]:8443", Cert: "c"}}}, url: "https://[::1]:8443"},
		"for others to choose": {
			front: davit.Front{Listen: []davit.Listener{{Address: ":8080"}}, Preview: davit.Preview{Allow: []string{"10.0.0.0/8"}}},
			url:   "http://127.0.0.1:8080", deaf: "preview.allow",
		},
		"nowhere": {fails: "listens nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			release := &davit.Release{ID: "v2", Environment: "production", Config: davit.ReleaseConfig{Front: c.front, Routes: []davit.Route{{Host: "shop.test"}}}}
			door, err := findDoor(t.Context(), release, cmp.Or[engine.Router](c.router, one{}))
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("it is not refused with %q: %v", c.fails, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if door.URL != c.url || door.Host != "shop.test" || !door.Managed {
				t.Errorf("it is %s, asked for %s, managed %t; want %s", door.URL, door.Host, door.Managed, c.url)
			}
			err = door.choose(release.ID)
			if (err == nil) != (c.deaf == "") || err != nil && !strings.Contains(err.Error(), c.deaf) {
				t.Errorf("choosing a release: %v, want %q", err, c.deaf)
			}
			if door.Header.Get("Davit-Release") != "v2" {
				t.Errorf("asked with %v", door.Header)
			}
		})
	}
}
