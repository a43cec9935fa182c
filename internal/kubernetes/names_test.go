package kubernetes

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"

	"github.com/davit-dev/davit"
)

func TestObjectName(t *testing.T) {
	for _, c := range []struct {
		application, service string
		id                   davit.ReleaseID
		want                 string
	}{
		{"shop", "web", "v2-1f0c9a3be4d1", "shop-web-v2-1f0c9a3be4d1"},
		{"shop", "web", "1.4.0+build.7-1f0c9a3be4d1", "shop-web-1-4-0-build-7-1f0c9a3be4d1"},
		{"shop", "web", "V2_RC-1f0c9a3be4d1", "shop-web-v2-rc-1f0c9a3be4d1"},
		{"2048", "game", "v1-1f0c9a3be4d1", "x-2048-game-v1-1f0c9a3be4d1"},
		{"shop", "web", "no-hash", "shop-web-no-" + digest("no-hash")},
		{"a-very-long-application", "and-a-long-service", "v2-1f0c9a3be4d1",
			"a-very-long-application-and-a-lon-" + digest("a-very-long-application/and-a-long-service/v2-1f0c9a3be4d1")},
	} {
		if got := objectName(c.application, c.service, c.id); got != c.want {
			t.Errorf("objectName(%q, %q, %q) = %s, want %s", c.application, c.service, c.id, got, c.want)
		}
	}
}

func TestEnvironmentName(t *testing.T) {
	for _, c := range []struct{ application, environment, want string }{
		{"shop", "production", "shop-production"},
		{"my-shop", "eu", "my-shop-eu-" + digest("my-shop/eu")},
		{"my", "shop-eu", "my-shop-eu-" + digest("my/shop-eu")},
		{"2048", "eu", "x-2048-eu-" + digest("2048/eu")},
	} {
		if got := environmentName(c.application, c.environment); got != c.want {
			t.Errorf("environmentName(%q, %q) = %s, want %s", c.application, c.environment, got, c.want)
		}
	}
}

// What names a release in davit.yaml, whatever it is, makes names and labels that
// the API server takes.
func TestNamesAreValid(t *testing.T) {
	label := rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`)
	version := rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._+-]{0,127}`)
	rapid.Check(t, func(t *rapid.T) {
		s := scope{label.Draw(t, "application"), label.Draw(t, "environment")}
		service := label.Draw(t, "service")
		release, err := davit.NewRelease(s.application, s.environment, version.Draw(t, "version"), nil, davit.ReleaseConfig{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{objectName(s.application, service, release.ID), environmentName(s.application, s.environment)} {
			if wrong := validation.IsDNS1035Label(name); len(wrong) > 0 || len(name) > nameLimit {
				t.Errorf("name %q: %s", name, wrong)
			}
		}
		labels := s.serviceLabels(release, service)
		for key, value := range labels {
			if wrong := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); len(wrong) > 0 || value == "" {
				t.Errorf("label %s=%q: %s", key, value, wrong)
			}
		}
		for key, value := range s.selector(release.ID, service) {
			if labels[key] != value {
				t.Errorf("the selector wants %s=%s, and the label is %s", key, value, labels[key])
			}
		}
	})
}

// Two releases, two services and two environments never share a name.
func TestNamesAreDistinct(t *testing.T) {
	label := rapid.StringMatching(`[ab](-?[ab]){0,30}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c, d := label.Draw(t, "a"), label.Draw(t, "b"), label.Draw(t, "c"), label.Draw(t, "d")
		if a+"/"+b == c+"/"+d {
			return
		}
		if one, other := environmentName(a, b), environmentName(c, d); one == other {
			t.Errorf("%s/%s and %s/%s are both %s", a, b, c, d, one)
		}
		if b != d {
			if one, other := objectName(a, b, "v1-1f0c9a3be4d1"), objectName(a, d, "v1-1f0c9a3be4d1"); one == other {
				t.Errorf("the services %s and %s are both %s", b, d, one)
			}
		}
		if one, other := labelValue(a+"+"+b), labelValue(a+"_"+b); one == other {
			t.Errorf("%s+%s and %s_%s have the label %s", a, b, a, b, one)
		}
	})
}

func TestLabelValueKeepsWhatItCan(t *testing.T) {
	for text, want := range map[string]string{
		"v1.2.3":                 "v1.2.3",
		"v1-1f0c9a3be4d1":        "v1-1f0c9a3be4d1",
		"1.0.0+7-1f0c9a3be4d1":   `^1\.0\.0_7-1f0c9a3be4d1-[0-9a-f]{12}$`,
		"v1.":                    `^v1-[0-9a-f]{12}$`,
		strings.Repeat("x", 100): `^x{50}-[0-9a-f]{12}$`,
	} {
		if got := labelValue(text); got != want && !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("labelValue(%q) = %s, want %s", text, got, want)
		}
	}
}
