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
	project    string // of an Azure DevOps project, which has the work items
}

var scpAddress = expression(`^(?:[^@/]+@)?([^:/]+):([^/].*)$`)

// ParseRemote reads the address of a git remote. kind overrides what the host
// says, for forges with a host of their own. User names, passwords and tokens
// in the address are dropped.
func ParseRemote(remote, kind string) Links {
	host, path := "", ""
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		host, path = u.Hostname(), u.EscapedPath()
		if port := u.Port(); port != "" && strings.HasPrefix(u.Scheme, "http") {
			host += ":" + port
		}
	} else if m := scpAddress().FindStringSubmatch(remote); m != nil {
		host, path = m[1], escapePath(m[2])
	}
	path = strings.Trim(strings.TrimSuffix(strings.Trim(path, "/"), ".git"), "/")
	if host == "" || path == "" {
		return Links{}
	}
	if kind == "" {
		kind = kindOf(host)
	}
	if kind == "azure" {
		return azure(host, strings.Split(path, "/"))
	}
	l := Links{Kind: kind, Host: host, Repository: path}
	if kind != "" {
		l.base = "https://" + host + "/" + path
	}
	return l
}

// escapePath escapes what an address of the short form may hold, escaped or not.
func escapePath(path string) string {
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	return (&url.URL{Path: path}).EscapedPath()
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

// azure reads the addresses of Azure DevOps: [org/][collection/][project/]_git/repository,
// and v3/org/project/repository over SSH. A project's first repository has its
// name, which is then left out.
func azure(host string, parts []string) Links {
	over := "" // what the project is in, on the host
	name, old := strings.CutSuffix(host, ".visualstudio.com")
	switch {
	case len(parts) == 4 && parts[0] == "v3":
		over, parts = parts[1], []string{parts[2], "_git", parts[3]}
	case len(parts) > 1 && parts[len(parts)-2] == "_git":
		before, repository := parts[:len(parts)-2], parts[len(parts)-1]
		if old { // the name is the organization, with a collection that goes without saying
			if len(before) > 0 && strings.EqualFold(before[0], "DefaultCollection") {
				before = before[1:]
			}
			before = append([]string{name}, before...)
		}
		switch n := len(before); n {
		case 0:
			return Links{}
		case 1:
			over, parts = before[0], []string{repository, "_git", repository}
		default:
			over, parts = strings.Join(before[:n-1], "/"), []string{before[n-1], "_git", repository}
		}
	default:
		return Links{}
	}
	if old || strings.HasSuffix(host, "dev.azure.com") {
		host = "dev.azure.com"
	}
	l := Links{Kind: "azure", Host: host, Repository: over + "/" + parts[0] + "/" + parts[2]}
	l.project = "https://" + host + "/" + over + "/" + parts[0]
	l.base = l.project + "/_git/" + parts[2]
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
		query := strings.NewReplacer("+", "%2B", "&", "%26")
		return l.base + "/branchCompare?baseVersion=GT" + query.Replace(from) + "&targetVersion=GT" + query.Replace(to)
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
		return l.project + "/_workitems/edit/" + number
	}
	return l.page(map[string]string{"github": "/issues/", "gitlab": "/-/issues/", "bitbucket": "/issues/"}, number)
}

func (l Links) page(paths map[string]string, id string) string {
	if l.base == "" || paths[l.Kind] == "" {
		return ""
	}
	return l.base + paths[l.Kind] + id
}

var (
	reference = expression(`\((?:pull request )?([#!])(\d+)\)$|(^|[\s(,])([#!])(\d+)\b`)
	closed    = expression(`(?i)^[,\s]*(?:(?:and|&)\s+)?(?:(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\s+)?(AB)?#(\d+)\b`)
)

// Text returns a description with its references to issues and pull requests
// as Markdown links.
func (l Links) Text(description string) string {
	if l.base == "" || !strings.ContainsAny(description, "#!") {
		return description
	}
	return reference().ReplaceAllStringFunc(description, func(found string) string {
		m := reference().FindStringSubmatch(found)
		// At the end, in parentheses, forges append the pull request; GitLab, where
		// "#" is always an issue, does not.
		if m[2] != "" && (l.Kind != "gitlab" || m[1] == "!") {
			return "([" + m[1] + m[2] + "](" + l.PullRequest(m[2]) + "))"
		}
		before, mark, number, after := m[3], m[4], m[5], ""
		if m[2] != "" {
			before, mark, number, after = "(", m[1], m[2], ")"
		}
		switch {
		case mark == "#":
			return before + "[#" + number + "](" + l.Issue(number) + ")" + after
		case l.Kind == "gitlab" || l.Kind == "azure":
			return before + "[!" + number + "](" + l.PullRequest(number) + ")" + after
		}
		return found // elsewhere "!" is no reference
	})
}

// Closed returns the numbers of the issues that the value of a footer such as
// "Closes: #1, #2 and #3" begins with; that of "Closes #1" is "#1".
func (l Links) Closed(value string) []string {
	var numbers []string
	for {
		m := closed().FindStringSubmatchIndex(value)
		if m == nil || m[2] >= 0 && l.Kind != "azure" { // AB# is of Azure Boards
			return numbers
		}
		numbers, value = append(numbers, value[m[4]:m[5]]), value[m[1]:]
	}
}

// escapeRef escapes what would end a path or a Markdown link; slashes stay.
func escapeRef(ref string) string { return strings.ReplaceAll(url.PathEscape(ref), "%2F", "/") }
