package config

import "github.com/davit-dev/davit"

// maxPackages bounds the packages of a monorepo.
const maxPackages = 500

// releasing is how the repository makes releases.
type releasing struct {
	tagPrefix, first   item[string]
	initialDevelopment item[bool]
	mode               item[davit.ReleaseMode]
	remote             item[string]
	branches           sequence[releaseBranch]
	types              dictionary[commitType]
	ignoreTags         sequence[string]
	messages           item[string]
	commitMessage      item[string]
	changelog          item[changelog]
	files              sequence[versionFile]
	floatingTags       item[bool]
	forge              item[forge]
	packages           sequence[releasePackage]
	together           item[bool]
}

func (*releasing) about() about {
	return about{name: "release", doc: "How `davit release` makes releases; everything may be left out. The guide on releasing tells more. " +
		"Text here has no variables."}
}

func (s *releasing) fields() []field {
	return []field{
		{key: "tagPrefix", into: scalar(&s.tagPrefix, tagPrefix()), initial: "v", doc: "what stands before the version in tags"},
		{key: "first", into: scalar(&s.first, stableVersion()), initial: "0.1.0", doc: "version of the first release"},
		{
			key: "initialDevelopment", into: scalar(&s.initialDevelopment, flag()), initial: "false",
			doc: "breaking changes raise the minor version while the major version is 0",
		},
		{
			key: "mode", into: scalar(&s.mode, oneWord(davit.ReleaseDirectly, davit.ReleaseByPullRequest)), initial: "direct",
			doc: "`direct` commits, tags and pushes; `pull-request` proposes the change and tags after its merge",
		},
		{key: "remote", into: scalar(&s.remote, remoteName()), initial: "origin", doc: "where releases are pushed to"},
		{
			key: "branches", into: listOf(&s.branches, maxItems, object[releaseBranch]),
			absent: "the default branch, channels (alpha, beta, rc, next), 1.x, 1.2.x and hotfix/*", doc: "the branches that release",
		},
		{
			key: "types", into: tableOf(&s.types, maxItems, typeName(), object[commitType]), absent: "those of the guide",
			doc: "types of commits, to add to the defaults or to change them",
		},
		{key: "ignoreTags", into: listOf(&s.ignoreTags, maxItems, as(glob())), absent: "none", doc: "patterns of tags that are no release"},
		{key: "messages", into: scalar(&s.messages, repositoryPath()), initial: ".davit/messages.yaml", doc: "YAML file of corrected commit messages by hash"},
		{
			key: "commitMessage", into: scalar(&s.commitMessage, commitSubject()), initial: `"chore(release): %s"`,
			doc: "subject of the release's commit; `%s` stands for the tags",
		},
		{key: "changelog", into: object(&s.changelog), doc: "where and how the changelog is written"},
		{
			key: "files", into: listOf(&s.files, maxItems, object[versionFile]), absent: "found by their names and by the comment `davit:version`",
			doc: "files that hold the version",
		},
		{key: "floatingTags", into: scalar(&s.floatingTags, flag()), initial: "false", doc: "v1 and v1.2 move along"},
		{key: "forge", into: object(&s.forge), doc: "where the notes are published"},
		{
			key: "packages", into: listOf(&s.packages, maxPackages, object[releasePackage]), absent: "the repository is one",
			doc: "parts of the repository with versions of their own",
		},
		{
			key: "together", into: scalar(&s.together, flag()), initial: "false",
			doc: "release all packages when one has something to release, all with the highest bump",
		},
	}
}

// releaseBranch says how a branch releases.
type releaseBranch struct{ name, channel, within item[string] }

func (*releaseBranch) about() about {
	return about{name: "a release branch", doc: "A branch that releases. In short: only its name."}
}

func (b *releaseBranch) short() value { return scalar(&b.name, glob()) }

func (b *releaseBranch) fields() []field {
	return []field{
		{key: "name", into: scalar(&b.name, glob()), required: true, doc: "name or pattern of the branch"},
		{key: "channel", into: scalar(&b.channel, channelName()), absent: "stable versions", doc: "channel of pre-releases, such as beta"},
		{key: "range", into: scalar(&b.within, versionRange()), absent: "that of a branch named 1.x or 1.2.x", doc: "versions that the branch must not leave: 1.x or 1.2.x"},
	}
}

// commitType says what commits of a type mean.
type commitType struct {
	bump    item[davit.Bump]
	heading item[string]
}

func (*commitType) about() about {
	return about{name: "a commit type", doc: "What commits of a type mean. What is left out stays as it is by default."}
}

func (t *commitType) fields() []field {
	return []field{
		{key: "bump", into: scalar(&t.bump, bump()), absent: "none", doc: "the part of the version that such a commit raises"},
		{key: "heading", into: scalar(&t.heading, literal(never)), absent: "not told", doc: "heading in the changelog; empty leaves such commits out"},
	}
}

// changelog says where and how the changelog is written.
type changelog struct {
	file, template item[string]
	disabled       item[bool]
}

func (*changelog) about() about {
	return about{name: "changelog", doc: "Where and how the changelog is written."}
}

func (c *changelog) fields() []field {
	return []field{
		{key: "file", into: scalar(&c.file, repositoryPath()), initial: "CHANGELOG.md", doc: "the file, from the repository's root or the package's folder"},
		{key: "template", into: scalar(&c.template, repositoryPath()), absent: "Keep a Changelog 1.1.0", doc: "file with a Go template"},
		{key: "disabled", into: scalar(&c.disabled, flag()), initial: "false", doc: "write no changelog"},
	}
}

// forge says where releases are published.
type forge struct {
	kind, api, repository item[string]
	assets                sequence[string]
}

func (*forge) about() about {
	return about{name: "forge", doc: "Where notes and assets are published; by the remote's address what is left out."}
}

func (f *forge) fields() []field {
	return []field{
		{key: "kind", into: scalar(&f.kind, oneWord("github", "gitlab", "none")), absent: "by the remote's host", doc: "kind of the forge"},
		{key: "api", into: scalar(&f.api, webAddress()), absent: "by the remote's host", doc: "root of its API"},
		{key: "repository", into: scalar(&f.repository, raw()), absent: "by the remote's path", doc: "owner and name"},
		{key: "assets", into: listOf(&f.assets, maxItems, as(glob())), absent: "none", doc: "patterns of files to attach"},
	}
}

// versionFile is a file that holds the version.
type versionFile struct{ path, kind, pattern, variable item[string] }

func (*versionFile) about() about {
	return about{name: "a version file", doc: "A file that holds the version. In short: only its path."}
}

func (f *versionFile) short() value { return scalar(&f.path, repositoryPath()) }

func (f *versionFile) fields() []field {
	return []field{
		{key: "path", into: scalar(&f.path, repositoryPath()), required: true, doc: "path from the repository's root, or from the package's folder"},
		{key: "kind", into: scalar(&f.kind, oneWord(davit.VersionFileKinds()...)), absent: "by the file's name, else `marker`", doc: "how the version is found"},
		{
			key: "pattern", into: scalar(&f.pattern, versionPattern()), absent: "none",
			doc: "regular expression whose first group, or whose group named version, is the version",
		},
		{key: "variable", into: scalar(&f.variable, variableName()), absent: "version", doc: "constant or variable, in Go and Terraform"},
	}
}

// releasePackage is a part of the repository with versions of its own.
type releasePackage struct {
	name, path, tagPrefix, changelog item[string]
	files                            sequence[versionFile]
	dependsOn                        sequence[string]
}

func (*releasePackage) about() about {
	return about{name: "a package", doc: "A part of the repository with versions of its own, by the commits that touch its path."}
}

func (p *releasePackage) fields() []field {
	return []field{
		{key: "name", into: scalar(&p.name, packageName()), required: true, doc: "name of the package"},
		{key: "path", into: scalar(&p.path, repositoryPath()), absent: "the whole repository", doc: "folder of the package"},
		{key: "tagPrefix", into: scalar(&p.tagPrefix, tagPrefix()), absent: "the name, `/` and the repository's", doc: "what stands before the version in tags"},
		{key: "changelog", into: scalar(&p.changelog, repositoryPath()), absent: "that of `changelog`, in its folder", doc: "the file, from the repository's root"},
		{key: "files", into: listOf(&p.files, maxItems, object[versionFile]), absent: "found, as those of the repository", doc: "files that hold the version"},
		{key: "dependsOn", into: listOf(&p.dependsOn, maxItems, as(raw())), absent: "none", doc: "packages whose release gives this one a patch"},
	}
}
