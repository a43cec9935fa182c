//go:build linux

package cluster

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
)

//go:embed files
var files embed.FS

// sources are what the programs are built from: for each set a module that
// requires them as its tools, with every version and sum.
//
//go:embed tools pause/main.go
var sources embed.FS

// tools are the folders of the programs that a cluster runs.
type tools struct {
	kubernetes string // with etcd, kubectl and pause
	traefik    string // with crds, the Gateway API in the version that this Traefik serves
}

// set is some programs that are built, kept and replaced together.
type set struct {
	name    string   // of its module in the folder tools
	modules []string // those that give it its version
	extra   string   // a source beside the module's
	takes   string   // for people: how long it takes to build
	build   func(context.Context, workshop) error
}

func kubernetes() set {
	return set{name: "kubernetes", modules: []string{"k8s.io/kubernetes", "go.etcd.io/etcd/server/v3"}, extra: "pause/main.go", takes: "6 to 12 minutes", build: buildKubernetes}
}

func traefik() set {
	return set{name: "traefik", modules: []string{"github.com/traefik/traefik/v3"}, extra: "tools/lego.go.txt", takes: "3 to 6 minutes", build: buildTraefik}
}

// findTools returns where the programs are once they are built.
func findTools() (tools, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return tools{}, fmt.Errorf("looking for the cache: %w", err)
	}
	var t tools
	for _, f := range []struct {
		set  set
		into *string
	}{{kubernetes(), &t.kubernetes}, {traefik(), &t.traefik}} {
		key, err := f.set.key()
		if err != nil {
			return tools{}, err
		}
		*f.into = filepath.Join(cache, "davit", "tools", key)
	}
	return t, nil
}

// Build builds the programs that are not in the cache, $XDG_CACHE_HOME or
// ~/.cache, and says so on log. It takes minutes once, and nothing afterwards.
func Build(ctx context.Context, log io.Writer) error {
	t, err := findTools()
	if err != nil {
		return err
	}
	return errors.Join(kubernetes().ensure(ctx, log, t.kubernetes), traefik().ensure(ctx, log, t.traefik))
}

// key names what is built by all that it depends on.
func (s set) key() (string, error) {
	versions, err := s.versions()
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	for _, name := range []string{"tools/" + s.name + ".mod", "tools/" + s.name + ".sum", s.extra} {
		data, err := sources.ReadFile(name)
		if err != nil {
			return "", err
		}
		hash.Write(data)
	}
	return fmt.Sprintf("%s-%s-%x", strings.Join(versions, "-"), runtime.Version(), hash.Sum(nil)[:4]), nil
}

// versions returns the set's modules with their versions: "kubernetes-v1.34.4".
func (s set) versions() ([]string, error) {
	var versions []string
	for _, m := range s.modules {
		version, err := s.version(m)
		if err != nil {
			return nil, err
		}
		versions = append(versions, strings.Split(m, "/")[1]+"-"+version)
	}
	return versions, nil
}

// version returns the version in which the set requires a module.
func (s set) version(path string) (string, error) {
	name := "tools/" + s.name + ".mod"
	data, err := sources.ReadFile(name)
	if err != nil {
		return "", err
	}
	module, err := modfile.Parse(name, data, nil)
	if err != nil {
		return "", err
	}
	for _, r := range module.Require {
		if r.Mod.Path == path {
			return r.Mod.Version, nil
		}
	}
	return "", fmt.Errorf("%s requires no %s", name, path)
}

// ensure builds the set into dir when that is not there. Of several that want
// the same one builds, and the others wait for it.
func (s set) ensure(ctx context.Context, log io.Writer, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	cache := filepath.Dir(dir)
	if err := os.MkdirAll(cache, 0o755); err != nil { //nolint:gosec // programs, no secrets
		return fmt.Errorf("making the cache: %w", err)
	}
	var lock *os.File
	err := until(ctx, func(context.Context) (err error) {
		lock, err = lockFolder(cache)
		return err
	})
	if err != nil {
		return fmt.Errorf("waiting for another build: %w", err)
	}
	defer lock.Close() //nolint:errcheck // nothing was written
	if _, err := os.Stat(dir); err == nil {
		return nil // another did it
	}
	fmt.Fprintf(log, "cluster: building %s into %s (%s of two processors, once)\n", filepath.Base(dir), cache, s.takes)
	began := time.Now()
	if err := s.make(ctx, dir); err != nil {
		return fmt.Errorf("building %s: %w", s.name, err)
	}
	fmt.Fprintf(log, "cluster: built %s in %s\n", filepath.Base(dir), time.Since(began).Round(time.Second))
	return nil
}

// make builds the set beside dir and gives it that name when it is whole. What
// builds left that were cut is removed first.
func (s set) make(ctx context.Context, dir string) (err error) {
	cache := filepath.Dir(dir)
	const building = ".building-"
	left, err := filepath.Glob(filepath.Join(cache, building+"*"))
	if err != nil {
		return err
	}
	for _, cut := range left {
		if err := os.RemoveAll(cut); err != nil {
			return err
		}
	}
	work, err := os.MkdirTemp(cache, building)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	w := workshop{source: filepath.Join(work, "source"), out: filepath.Join(work, "out"), set: s}
	if err := w.open(); err != nil {
		return err
	}
	if err := s.build(ctx, w); err != nil {
		return err
	}
	return os.Rename(w.out, dir)
}
