// Package image makes container images of static binaries, without a container
// engine and without a registry.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// Image is an image of one layer.
type Image struct {
	Name       string   // in full: "docker.io/davit/shop:v1"
	Files      []File   // parents come into being by themselves
	Entrypoint []string // the program and its first arguments
	WorkingDir string   // "" is the root
	User       string   // "uid" or "uid:gid"; "" is root
}

// File is a file of an image.
type File struct {
	Path   string      // in the image, without the leading slash
	Source string      // the file on this machine
	Mode   os.FileMode // permissions
}

// The media types of the OCI image specification 1.1.
const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar"
)

// descriptor points at a blob of an image.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

func describe(mediaType string, blob []byte) descriptor {
	return descriptor{MediaType: mediaType, Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(blob)), Size: len(blob)}
}

// Reference returns the image's name with a digest in place of the tag.
func (i Image) Reference(digest string) string {
	repository := i.Name
	if tag := strings.LastIndexByte(i.Name, ':'); tag > strings.LastIndexByte(i.Name, '/') {
		repository = i.Name[:tag]
	}
	return repository + "@" + digest
}

// Write writes the image as the tar of an OCI image layout, which containerd,
// kind, skopeo and crane read, and returns the digest of its manifest: the same
// for the same files.
func (i Image) Write(w io.Writer) (digest string, err error) {
	layer, err := i.layer()
	if err != nil {
		return "", fmt.Errorf("making the layer of %s: %w", i.Name, err)
	}
	layerBlob := describe(layerType, layer)
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Entrypoint": i.Entrypoint, "WorkingDir": i.WorkingDir, "User": i.User},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{layerBlob.Digest}},
	})
	if err != nil {
		return "", fmt.Errorf("making the configuration of %s: %w", i.Name, err)
	}
	configBlob := describe(configType, config)
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType, "config": configBlob, "layers": []descriptor{layerBlob},
	})
	if err != nil {
		return "", fmt.Errorf("making the manifest of %s: %w", i.Name, err)
	}
	manifestBlob := describe(manifestType, manifest)
	manifestBlob.Annotations = map[string]string{"io.containerd.image.name": i.Name, "org.opencontainers.image.ref.name": i.Name}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []descriptor{manifestBlob}})
	if err != nil {
		return "", fmt.Errorf("making the index of %s: %w", i.Name, err)
	}
	archive := tar.NewWriter(w)
	for _, part := range []struct {
		name string
		data []byte
	}{
		{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{"index.json", index},
		{blobPath(configBlob), config},
		{blobPath(layerBlob), layer},
		{blobPath(manifestBlob), manifest},
	} {
		if err := put(archive, part.name, 0o644, part.data); err != nil {
			return "", fmt.Errorf("writing %s: %w", i.Name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return "", fmt.Errorf("writing %s: %w", i.Name, err)
	}
	return manifestBlob.Digest, nil
}

// layer returns the tar of the image's files.
func (i Image) layer() ([]byte, error) {
	var layer bytes.Buffer
	archive := tar.NewWriter(&layer)
	for _, file := range i.Files {
		data, err := os.ReadFile(file.Source)
		if err != nil {
			return nil, err
		}
		if err := put(archive, file.Path, file.Mode, data); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return layer.Bytes(), nil
}

// put adds a file that has no time of its own, so that the archive's bytes
// depend on its content alone.
func put(archive *tar.Writer, name string, mode os.FileMode, data []byte) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: int64(mode.Perm()), Size: int64(len(data))}); err != nil {
		return err
	}
	_, err := archive.Write(data)
	return err
}

func blobPath(d descriptor) string { return "blobs/" + strings.Replace(d.Digest, ":", "/", 1) }
