package validation

import "testing"

func TestLasting(t *testing.T) {
	for image, want := range map[string]bool{
		"web": false, "web:latest": false, "localhost:5000/web": false, "localhost:5000/web:latest": false, "": false,
		"web:v1": true, "localhost:5000/shop/web:v1": true, "web@sha256:00": true, "web:latest@sha256:00": true,
	} {
		if got := lasting(image); got != want {
			t.Errorf("%q is lasting: %t, want %t", image, got, want)
		}
	}
}
