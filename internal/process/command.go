package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/davit-dev/davit"
)

// program returns the path of the program that the first element of a command
// names. artifact is where the pinned artifact lies, "" without one.
//
//   - A path that is the artifact, or is inside it, is the pinned copy.
//   - Any other absolute path is taken as it is.
//   - The base name of an artifact that is a file, with or without a folder
//     before it, is the pinned file.
//   - A relative path that exists inside an artifact that is a folder is the
//     pinned file there.
//   - A name without a slash is looked up in searchPath.
func program(service davit.Service, name, artifact, searchPath string) (string, error) {
	if artifact != "" {
		if path, ok := pinned(service.Artifact, name, artifact); ok {
			return path, nil
		}
	}
	if filepath.IsAbs(name) {
		return name, nil
	}
	if !strings.Contains(name, "/") {
		for _, dir := range filepath.SplitList(searchPath) {
			if path := filepath.Join(dir, name); filepath.IsAbs(path) && executable(path) {
				return path, nil
			}
		}
		return "", fmt.Errorf("%q is neither in the artifact nor on PATH: %w", name, exec.ErrNotFound)
	}
	return "", fmt.Errorf("%q is not in the artifact: %w", name, exec.ErrNotFound)
}

// pinned returns the pinned copy of what name means in the artifact source.
func pinned(source, name, artifact string) (string, bool) {
	info, err := os.Stat(artifact)
	if err != nil {
		return "", false
	}
	if !info.IsDir() {
		return artifact, name == source || !filepath.IsAbs(name) && filepath.Base(name) == filepath.Base(source)
	}
	inside := name
	if filepath.IsAbs(name) {
		if inside, err = filepath.Rel(source, name); err != nil {
			return "", false
		}
	}
	if !filepath.IsLocal(inside) {
		return "", false
	}
	path := filepath.Join(artifact, inside)
	info, err = os.Stat(path)
	return path, err == nil && info.Mode().IsRegular()
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
