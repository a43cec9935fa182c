package kubernetes

import (
	"context"
	"testing"
)

func TestHub(t *testing.T) {
	h := newHub()
	shop, other := scope{"shop", "production"}, scope{"shop", "staging"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ours, theirs := h.subscribe(ctx, shop), h.subscribe(t.Context(), other)
	h.send(shop)
	h.send(shop) // comes as one
	<-ours
	select {
	case <-ours:
		t.Error("one change came twice")
	case <-theirs:
		t.Error("a change came to another environment")
	default:
	}
	cancel()
	if _, open := <-ours; open {
		t.Error("the channel stays open after its context")
	}
	h.close()
	if _, open := <-theirs; open {
		t.Error("the channel stays open after the hub")
	}
	if _, open := <-h.subscribe(t.Context(), shop); open {
		t.Error("a closed hub gives an open channel")
	}
}
