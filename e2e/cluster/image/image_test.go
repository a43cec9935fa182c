package image_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-dev/davit/e2e/cluster/image"
)

func TestAnImageIsWhatItsDigestsSay(t *testing.T) {
	source := filepath.Join(t.TempDir(), "app")
	if err := os.WriteFile(source, []byte("a program"), 0o600); err != nil {
		t.Fatal(err)
	}
	made := image.Image{
		Name: "docker.io/davit/app:v1", Files: []image.File{{Path: "bin/app", Source: source, Mode: 0o755}},
		Entrypoint: []string{"/bin/app"}, WorkingDir: "/work", User: "65532",
	}
	var first, second bytes.Buffer
	digest, err := made.Write(&first)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := made.Write(&second); err != nil || again != digest || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("the second time %s, %v; the first %s", again, err, digest)
	}

	files := untar(t, &first)
	for name, data := range files {
		if sum, blob := strings.CutPrefix(name, "blobs/sha256/"); blob && sum != fmt.Sprintf("%x", sha256.Sum256(data)) {
			t.Errorf("the blob %s has another digest", sum)
		}
	}
	type blob struct {
		Digest      string
		Size        int
		Annotations map[string]string
	}
	read := func(name string, into any) {
		t.Helper()
		if err := json.Unmarshal(files[name], into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	at := func(b blob) string {
		t.Helper()
		name := "blobs/" + strings.Replace(b.Digest, ":", "/", 1)
		if len(files[name]) != b.Size {
			t.Errorf("%s has %d bytes, want %d", name, len(files[name]), b.Size)
		}
		return name
	}
	var index struct{ Manifests []blob }
	read("index.json", &index)
	if index.Manifests[0].Digest != digest || index.Manifests[0].Annotations["io.containerd.image.name"] != made.Name {
		t.Errorf("the index is %+v", index)
	}
	var manifest struct {
		Config blob
		Layers []blob
	}
	read(at(index.Manifests[0]), &manifest)
	var config struct {
		Config struct {
			Entrypoint       []string
			WorkingDir, User string
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	read(at(manifest.Config), &config)
	if c := config.Config; c.Entrypoint[0] != "/bin/app" || c.WorkingDir != "/work" || c.User != "65532" || config.RootFS.DiffIDs[0] != manifest.Layers[0].Digest {
		t.Errorf("the configuration is %+v", config)
	}
	if layer := untar(t, bytes.NewReader(files[at(manifest.Layers[0])])); string(layer["bin/app"]) != "a program" {
		t.Errorf("the layer holds %q", layer)
	}
}

func TestReference(t *testing.T) {
	for name, want := range map[string]string{
		"docker.io/davit/shop:v1":    "docker.io/davit/shop@sha256:1",
		"localhost:5000/davit/shop":  "localhost:5000/davit/shop@sha256:1",
		"localhost:5000/davit/a:1.2": "localhost:5000/davit/a@sha256:1",
	} {
		if got := (image.Image{Name: name}).Reference("sha256:1"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func untar(t *testing.T, r io.Reader) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}
