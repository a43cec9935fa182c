package config

import (
	"net/url"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// hook is something of the user's that runs at a moment of a rollout.
type hook struct {
	name          item[string]
	before, after item[davit.Moment]
	run           item[[]string]
	dir           item[string]
	post          item[string]
	key           item[string]
	env           dictionary[string]
	secrets       dictionary[string]
	timeout       item[davit.Duration]
	retries       item[int]
	required      item[bool]
	migration     item[davit.Migration]
}

func (*hook) about() about {
	return about{name: "a hook", doc: "A command that the server runs, or an address that it posts to, at a moment of a rollout. " +
		"One `before` something that fails hauls the rollout back; one `after` only reports. " +
		"It runs at least once: after a crash of the server it is run again, with the same `DAVIT_HOOK_ID`."}
}

func (h *hook) fields() []field {
	return []field{
		{key: "name", into: scalar(&h.name, label()), required: true, doc: "name of the hook, in verdicts and receipts"},
		{key: "before", into: scalar(&h.before, before()), doc: beforeDoc},
		{
			key: "after", into: scalar(&h.after, afterOf("promotion", "watch", "rollback")),
			doc: "`promotion`: the release before is still warm; `watch`: the rollback window is over, and only the new release runs; `rollback`: the rollout was hauled back",
		},
		{
			key: "run", into: command(&h.run), doc: "program and arguments, run by the server: an absolute path, a path relative to `dir`, or a name on the server's `PATH`. No shell runs it",
		},
		{key: "dir", into: scalar(&h.dir, plain()), absent: "the folder of davit.yaml", doc: "folder that `run` runs in, on the server's machine"},
		{key: "post", into: scalar(&h.post, postTo()), doc: "URL that a JSON object is posted to, or a reference to one that is a secret"},
		{key: "secret", into: scalar(&h.key, reference(false)), absent: "not signed", doc: "secret that signs what is posted, in the header `Davit-Signature`"},
		{key: "env", into: tableOf(&h.env, maxItems, variableName(), as(variable())), doc: "environment variables of `run`, as plain text"},
		{
			key: "secrets", into: tableOf(&h.secrets, maxItems, variableName(), as(reference(false))),
			doc: "environment variables of `run` whose values are read from `env:NAME` or `file:/path` when it runs, and replaced by `***` in what is kept of its output",
		},
		{key: "timeout", into: scalar(&h.timeout, duration(minPeriod)), initial: "1m", doc: "time that one try may take; then it and all that it started are ended"},
		{key: "retries", into: scalar(&h.retries, integer(0, 100)), absent: "3 for `post`, 0 for `run`", doc: "further tries after one that failed"},
		{key: "required", into: scalar(&h.required, flag()), initial: "true", doc: "`false`: its failure is reported, and does not haul back"},
		{
			key: "migration", into: scalar(&h.migration, oneWord(davit.Expand, davit.Contract)), absent: "none",
			doc: "what it does to data: after `expand` both releases can live with it; after `contract` the one before cannot, and nothing hauls back past it by itself",
		},
	}
}

func (*hook) oneOf() []string { return []string{"before", "after"} }

// afterOf is the form of some of the moments after something, in words.
func afterOf(allowed ...string) form[davit.Moment] {
	words := oneWord(allowed...)
	kinds := map[string]davit.MomentKind{"promotion": davit.AfterPromotion, "watch": davit.AfterWatch, "rollback": davit.AfterHaulBack}
	return form[davit.Moment]{words: words.words, schema: words.schema, parse: func(w word) (davit.Moment, *wrong) {
		name, wrong := words.parse(w)
		return davit.Moment{Kind: kinds[name]}, wrong
	}}
}

// postTo is a URL, or a reference to a secret one. Problems do not repeat it.
func postTo() form[string] {
	f := plain()
	parse := f.parse
	f.words = "a URL, or a reference to a secret one"
	f.parse = func(w word) (string, *wrong) {
		text, err := parse(w)
		if err != nil || isReference(text) {
			return text, err
		}
		if u, err := url.Parse(text); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			return "", wrongf("write https://host/path, or env:NAME when it holds a secret", "must be an http or https URL without a user")
		}
		return text, nil
	}
	return f
}

// resolveHooks returns the environment's hooks as holds.
func (e *environment) resolveHooks(x *resolver) []davit.Hold {
	var holds []davit.Hold
	var names []string
	for _, i := range e.hooks.value {
		h := i.value
		if slices.Contains(names, h.name.value) {
			x.problem(h.name.at, "give it another name", "the hook name %q is taken", h.name.value)
		}
		names = append(names, h.name.value)
		h.check(x, i.at, e)
		at := h.before.value
		if h.after.set {
			at = h.after.value
		}
		g := davit.Hook(h.params(x))
		g.Advisory = h.after.set || !h.required.value
		holds = append(holds, davit.Hold{At: at, Gate: g})
	}
	return holds
}

func (h *hook) params(x *resolver) davit.HookParams {
	p := davit.HookParams{
		Hook: h.name.value, Run: h.run.value, Post: x.secretFile(h.post.value), Key: x.secretFile(h.key.value),
		Env: texts(h.env), Secrets: texts(h.secrets), Timeout: h.timeout.value, Retries: h.retries.value, Migration: h.migration.value,
	}
	for name, reference := range p.Secrets {
		p.Secrets[name] = x.secretFile(reference)
	}
	if h.run.set {
		p.Dir = x.path(h.dir.value)
	} else if !h.retries.set {
		p.Retries = 3
	}
	return p
}

// secretFile returns a reference to a file with its absolute path, and any other
// text as it is.
func (x *resolver) secretFile(reference string) string {
	if file, ok := strings.CutPrefix(reference, "file:"); ok {
		return "file:" + x.path(file)
	}
	return reference
}

// check checks what no single key can tell.
func (h *hook) check(x *resolver, at position, e *environment) {
	switch {
	case h.run.missing() == h.post.missing():
		x.problem(at, "", "a hook needs one of the keys run and post")
	case h.post.set && (h.dir.set || len(h.env.value)+len(h.secrets.value) > 0):
		x.problem(at, "remove dir, env and secrets", "a hook that posts runs nothing")
	case h.run.set && h.key.set:
		x.problem(h.key.at, "remove it", "only what is posted is signed")
	}
	for _, d := range []dictionary[string]{h.env, h.secrets} {
		for _, v := range d.value {
			if strings.HasPrefix(v.name, "DAVIT_") {
				x.problem(v.at, "give it another name", "what begins with DAVIT_ is said by davit")
			}
		}
	}
	if h.before.set && h.timeout.value >= e.deadline.value {
		x.problem(x.or(h.timeout.at), "give it less time, or the environment a longer deadline:",
			"the hook %s may take %s, and the deadline of %s is %s", h.name.value, h.timeout.value, x.environment, e.deadline.value)
	}
	if h.migration.value == davit.Contract && h.after.value.Kind != davit.AfterWatch && !h.after.wrong() && !h.before.wrong() {
		x.hint("hook %s contracts data while the release before may still be needed: with after: watch it runs when that is gone", h.name.value)
	}
}
