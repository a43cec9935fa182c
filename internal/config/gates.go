package config

import "github.com/davit-dev/davit"

// Gates returns the gates of an environment for a version, without looking at
// any file but this one. The error is as Resolve's.
func (f *File) Gates(environment, version string) ([]davit.Gate, error) {
	if err := f.Has(environment); err != nil {
		return nil, err
	}
	found := &collector{source: &f.source}
	resolved := f.resolve(found, environment, version, false)
	if err := found.err(); err != nil {
		return nil, err
	}
	return resolved.Policy.Gates, nil
}
