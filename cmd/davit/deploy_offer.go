package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/config"
	"github.com/davit-dev/davit/internal/release"
	"github.com/davit-dev/davit/internal/release/git"
)

// offered returns the version to deploy when none was named: the latest
// release, after a person at a terminal has agreed. Nobody else is asked.
func (a *app) offered(ctx context.Context, environment string) (string, error) {
	latest, why := a.latestRelease(ctx)
	none := &davit.Error{Code: davit.CodeInvalid, Message: "no version was named"}
	if latest == "" {
		none.Message += ", and " + why
		none.Hint = "davit deploy " + environment + " VERSION; davit release makes releases"
		return "", none
	}
	stdin, ok := a.stdin.(*os.File)
	if _, terminal := a.terminal(); !ok || !terminal || !term.IsTerminal(int(stdin.Fd())) || a.json() { //nolint:gosec // file descriptors are small
		none.Hint = "the latest release is " + latest + ": davit deploy " + environment + " " + latest
		return "", none
	}
	fmt.Fprintf(a.stderr, "The latest release is %s. Deploy it to %s? [y/N] ", latest, environment)
	answers := make(chan string, 1)
	go func() { // ends with a line, or with the program: a terminal's read cannot be interrupted
		line, _ := bufio.NewReader(stdin).ReadString('\n') // without a line there is no yes
		answers <- line
	}()
	select {
	case answer := <-answers:
		if slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(answer))) {
			return latest, nil
		}
	case <-ctx.Done():
		fmt.Fprintln(a.stderr)
	}
	return "", &davit.Error{Code: davit.CodeRefused, Message: "nothing was deployed", Hint: "davit deploy " + environment + " VERSION deploys another one"}
}

// latestRelease returns the version of the application's latest release, from
// the tags of the repository that its davit.yaml is in; or why there is none.
func (a *app) latestRelease(ctx context.Context) (version, why string) {
	file, err := filepath.Abs(cmp.Or(a.file, defaultFile))
	if err != nil {
		return "", err.Error()
	}
	repo, err := git.Open(ctx, filepath.Dir(file))
	if err != nil {
		return "", "there is no git repository here to take the latest release from"
	}
	settings, err := config.LoadReleasing(filepath.Join(repo.Root, defaultFile))
	if err != nil {
		return "", "the key release is wrong: " + err.Error()
	}
	chosen, ok := packageOf(repo, settings, file)
	if !ok {
		return "", "davit.yaml is in none of the packages that the repository releases"
	}
	tag, err := release.Latest(ctx, repo, settings, chosen)
	if err != nil {
		return "", "the latest release cannot be told: " + err.Error()
	}
	if tag == "" {
		return "", "there is no tag of a release (" + chosen.TagPrefix + "1.2.3) in this history"
	}
	return path.Base(tag), ""
}

// packageOf returns the package that an application's file belongs to: the one
// of the application's name, else the one that the file is in.
func packageOf(repo *git.Repo, settings *davit.Releasing, file string) (davit.Package, bool) {
	if own, err := config.LoadReleasing(file); err == nil && own.Application != "" {
		if i := slices.IndexFunc(settings.Packages, func(p davit.Package) bool { return p.Name == own.Application }); i >= 0 {
			return settings.Packages[i], true
		}
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(file))
	if err != nil {
		return davit.Package{}, false
	}
	folder, err = filepath.Rel(repo.Root, folder)
	if err != nil {
		return davit.Package{}, false
	}
	return release.PackageAt(settings.Packages, filepath.ToSlash(folder))
}
