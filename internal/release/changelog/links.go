package changelog

import (
	"net/url"
	"strings"
)

// Links are the addresses of a repository on a forge. The zero Links has none.
type Links struct {
	Kind string // "github", "gitlab", "bitbucket", "azure"; "" is none of them
	Host string
	// Repository is the path on the host: "owner/name".
	Repository string
	base       string // of the repository, "https://…"
}

var scpAddress = expression(`^(?:[^@/]+@)?([^:/]+):([^/].*)$`)

// ParseRemote reads the address of a git remote. kind overrides what the host
// says, for forges with a host of their own. User names, passwords and tokens
// in the address are dropped.
func ParseRemote(remote, kind string) Links {
	host, path := "", ""
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		host, path = u.Hostname(), u.Path
		if port := u.Port(); port != "" && strings.HasPrefix(u.Scheme, "http") {
			host += ":" + port
		}
	} else if m := scpAddress().FindStringSubmatch(remote); m != nil {
		host, path = m[1], m[2]
	}
	path = strings.Trim(strings.TrimSuffix(strings.Trim(path, "/"), ".git"), "/")
	if host == "" || path == "" {
		return Links{}
	}
	if kind == "" {
		kind = kindOf(host)
	}
	l := Links{Kind: kind, Host: host, Repository: path}
	if kind == "azure" {
		return l.azure()
	}
	if kind != "" {
		l.base = "https://" + host + "/" + path
	}
	return l
}

func kindOf(host string) string {
	switch {
	case strings.HasSuffix(host, "dev.azure.com") || strings.HasSuffix(host, ".visualstudio.com"):
		return "azure"
	case strings.HasPrefix(host, "bitbucket."):
		return "bitbucket"
	case strings.HasPrefix(host, "github."):
		return "github"
	case strings.HasPrefix(host, "gitlab."):
		return "gitlab"
	}
	return ""
}

// azure reads org/project/_git/repository and v3/org/project/repository.
func (l Links) azure() Links {
	parts := strings.Split(strings.TrimPrefix(l.Repository, "v3/"), "/")
	if len(parts) == 4 && parts[2] == "_git" {
		parts = append(parts[:2], parts[3])
	}
	if len(parts) != 3 {
		return Links{}
	}
	l.Host, l.Repository = "dev.azure.com", strings.Join(parts, "/")
	l.base = "https://dev.azure.com/" + parts[0] + "/" + parts[1] + "/_git/" + parts[2]
	return l
}

// Compare returns the page with the difference of two tags, "" without a
// previous one.
func (l Links) Compare(from, to string) string {
	if l.base == "" || from == "" {
		return ""
	}
	from, to = escapeRef(from), escapeRef(to)
	switch l.Kind {
	case "gitlab":
		return l.base + "/-/compare/" + from + "..." + to
	case "bitbucket":
		return l.base + "/branches/compare/" + to + "%0D" + from
	case "azure":
		return l.base + "/branchCompare?baseVersion=GT" + from + "&targetVersion=GT" + to
	}
	return l.base + "/compare/" + from + "..." + to
}

// Commit returns the page of a commit.
func (l Links) Commit(hash string) string {
	return l.page(map[string]string{"github": "/commit/", "gitlab": "/-/commit/", "bitbucket": "/commits/", "azure": "/commit/"}, hash)
}

// PullRequest returns the page of a pull or merge request.
func (l Links) PullRequest(number string) string {
	return l.page(map[string]string{"github": "/pull/", "gitlab": "/-/merge_requests/", "bitbucket": "/pull-requests/", "azure": "/pullrequest/"}, number)
}

// Issue returns the page of an issue or work item.
func (l Links) Issue(number string) string {
	if l.Kind == "azure" {
		parts := strings.Split(l.Repository, "/")
		return "https://dev.azure.com/" + parts[0] + "/" + parts[1] + "/_workitems/edit/" + number
	}
	return l.page(map[string]string{"github": "/issues/", "gitlab": "/-/issues/", "bitbucket": "/issues/"}, number)
}

func (l Links) page(paths map[string]string, id string) string {
	if l.base == "" || paths[l.Kind] == "" {
		return ""
	}
	return l.base + paths[l.Kind] + id
}

var reference = expression(`\((?:pull request )?([#!])(\d+)\)$|(^|[\s(,])([#!])(\d+)\b`)

// Text returns a description with its references to issues and pull requests
// as Markdown links.
func (l Links) Text(description string) string {
	if l.base == "" || !strings.ContainsAny(description, "#!") {
		return description
	}
	return reference().ReplaceAllStringFunc(description, func(found string) string {
		m := reference().FindStringSubmatch(found)
		if m[2] != "" { // at the end, in parentheses: what forges append
			return "([" + m[1] + m[2] + "](" + l.PullRequest(m[2]) + "))"
		}
		page := l.Issue
		if m[4] == "!" {
			page = l.PullRequest
		}
		return m[3] + "[" + m[4] + m[5] + "](" + page(m[5]) + ")"
	})
}

// escapeRef escapes what would end a path or a Markdown link; slashes stay.
func escapeRef(ref string) string { return strings.ReplaceAll(url.PathEscape(ref), "%2F", "/") }
