package release

import (
	"context"
	"path"
	"slices"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/versionfile"
)

// The files of Rust's packages.
const (
	cargoManifest = "Cargo.toml"
	cargoLock     = "Cargo.lock"
)

// workspaceLock returns the Cargo.lock above a package that is a member of a
// workspace, as a path from the package; "" when there is none.
func (r *Runner) workspaceLock(ctx context.Context, f *files, head string, p *PackagePlan, detected []davit.VersionFile) (string, error) {
	has := func(name string) bool {
		return slices.ContainsFunc(detected, func(v davit.VersionFile) bool { return v.Path == name })
	}
	if !has(cargoManifest) || has(cargoLock) {
		return "", nil
	}
	up := ""
	for folder := p.Path; folder != "" && folder != "."; {
		folder, up = path.Dir(folder), up+"../"
		content, err := f.read(ctx, r, head, path.Join(folder, cargoLock))
		if err != nil || content != nil {
			return up + cargoLock, err
		}
	}
	return "", nil
}

// crates returns the names by which a Cargo.lock tells the versions of a package from
// those of other members of its workspace; none where the package is the workspace.
func (r *Runner) crates(ctx context.Context, f *files, head string, p *PackagePlan, chosen []davit.VersionFile) ([]string, error) {
	var names []string
	for _, file := range chosen {
		if path.Base(file.Path) != cargoManifest {
			continue
		}
		content, err := f.read(ctx, r, head, path.Join(p.Path, file.Path))
		if err != nil {
			return nil, err
		}
		name := versionfile.Crate(content)
		if name == "" {
			return nil, nil
		}
		names = append(names, name)
	}
	return names, nil
}
