// Package release makes releases of a git repository: it computes the next
// version from Conventional Commits, writes the changelog and the version
// files, commits, tags, pushes and publishes.
//
// Every step looks at what is there before it does anything, so that a run
// after a crash finishes what the first began, and a run after that finds
// nothing to do.
package release
