package flag

import (
	"math"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// operand returns the arguments of an operation; ok is false for anything else.
func operand(v any, name string) (args []any, ok bool) {
	object, isObject := v.(map[string]any)
	given, has := object[name]
	if !isObject || !has || len(object) != 1 {
		return nil, false
	}
	if list, isList := given.([]any); isList {
		return list, true
	}
	return []any{given}, true
}

// rules maps an expression that answers a variant, for those who meet all of some
// conditions. The rules apply to each of them.
func (im *importer) rules(v any, guards []davit.FlagCondition) ([]davit.FlagRule, bool) {
	serving := func(serve davit.FlagServe, more ...davit.FlagCondition) davit.FlagRule {
		return davit.FlagRule{When: together(append(slices.Clone(guards), more...)), Serve: serve}
	}
	if v == nil {
		return []davit.FlagRule{serving(davit.FlagServe{})}, true
	}
	if branches, ok := operand(v, "if"); ok {
		return im.branches(branches, guards)
	}
	if args, ok := operand(v, "fractional"); ok {
		split, there, ok := im.fractional(args)
		if !ok {
			return nil, false
		}
		rule := serving(davit.FlagServe{Split: split}, there...)
		if len(there) == 0 {
			return []davit.FlagRule{rule}, true
		}
		return []davit.FlagRule{rule, serving(davit.FlagServe{})}, true
	}
	switch v.(type) {
	case string, bool, float64:
		name := jsText(v)
		return []davit.FlagRule{serving(davit.FlagServe{Variant: name})}, im.has(name)
	}
	if when, ok := im.condition(v); ok && decides(v) && im.has("true") && im.has("false") {
		return []davit.FlagRule{serving(davit.FlagServe{Variant: "true"}, when), serving(davit.FlagServe{Variant: "false"})}, true
	}
	return nil, false
}

// branches maps pairs of a condition and an expression, and an expression for when
// none holds.
func (im *importer) branches(branches []any, guards []davit.FlagCondition) (rules []davit.FlagRule, ok bool) {
	if len(branches) < 2 {
		return nil, false
	}
	for ; len(branches) > 1; branches = branches[2:] {
		when, ok := im.condition(branches[0])
		if !ok {
			return nil, false
		}
		more, ok := im.rules(branches[1], append(slices.Clone(guards), when))
		if !ok || len(rules)+len(more) > sharesMost {
			return nil, false
		}
		rules = append(rules, more...)
	}
	var otherwise any
	if len(branches) == 1 {
		otherwise = branches[0]
	}
	more, ok := im.rules(otherwise, guards)
	return append(rules, more...), ok
}

// together returns a condition that holds when all do; nil for none.
func together(conditions []davit.FlagCondition) *davit.FlagCondition {
	switch len(conditions) {
	case 0:
		return nil
	case 1:
		return &conditions[0]
	}
	return &davit.FlagCondition{All: conditions}
}

// decides reports whether an expression answers true or false, and never null.
func decides(v any) bool {
	object, _ := v.(map[string]any)
	for name, given := range object {
		switch name {
		case "==", "!=", "===", "!==", "in", "!", "!!":
			return true
		case "and", "or":
			args, _ := given.([]any)
			return len(args) > 0 && !slices.ContainsFunc(args, func(arg any) bool { return !decides(arg) })
		}
	}
	return false
}

// fractional maps a split. What has to be there of the context for the split to
// be asked at all is returned with it.
func (im *importer) fractional(args []any) (split *davit.FlagSplit, there []davit.FlagCondition, ok bool) {
	if len(args) == 0 {
		return nil, nil, false
	}
	split = &davit.FlagSplit{Otherwise: im.fallback}
	if _, isBucket := args[0].([]any); isBucket {
		if im.fallback == "" {
			key := davit.FlagCondition{Attribute: targetingKey, Op: davit.OpText}
			empty := davit.FlagCondition{Attribute: targetingKey, Op: davit.OpEquals, Values: []any{""}}
			there = []davit.FlagCondition{key, {Not: &empty}}
		}
		if im.own != im.key {
			key := im.key
			split.Salt = &key
		}
	} else {
		salt, by, joined, ok := im.bucketing(args[0])
		if !ok {
			return nil, nil, false
		}
		args = args[1:]
		split.By = by
		if salt != im.own {
			split.Salt = &salt
		}
		if !joined { // only a text is hashed alone; without it flagd takes the flag's default
			there = []davit.FlagCondition{{Attribute: by, Op: davit.OpText}}
		}
		split.Otherwise = "" // settled below
	}
	total := 0
	for _, arg := range args {
		b, isBucket := readBucket(arg)
		name := jsText(b.variant)
		if !isBucket || b.variant == nil || !im.has(name) || b.weight > math.MaxInt32 {
			return nil, nil, false
		}
		split.Shares = append(split.Shares, davit.FlagShare{Variant: name, Weight: int(b.weight)})
		total += int(b.weight)
	}
	if total == 0 || total > davit.MaxFlagWeight {
		return nil, nil, false
	}
	if split.By != "" {
		// Those without the attribute are hashed by the salt alone.
		hash := (&salt{}).hash(im.salt(split))
		at := slices.IndexFunc(reaches(split.Shares, total, func(string) *variant { return nil }), func(r reach) bool { return uint64(hash) < r.end })
		split.Otherwise = weighted(split.Shares)[at].Variant
	}
	return split, there, true
}

// salt returns what a split's hashes begin with.
func (im *importer) salt(split *davit.FlagSplit) string {
	if split.Salt != nil {
		return *split.Salt
	}
	return im.own
}

// weighted returns the shares that have a weight.
func weighted(shares []davit.FlagShare) []davit.FlagShare {
	return slices.DeleteFunc(slices.Clone(shares), func(s davit.FlagShare) bool { return s.Weight == 0 })
}

// bucketing maps what a fractional hashes: an attribute alone, or joined to texts
// before it.
func (im *importer) bucketing(v any) (salt, by string, joined, ok bool) {
	parts, joined := operand(v, "cat")
	if !joined {
		by, ok = attributeOf(v)
		return "", by, false, ok
	}
	if len(parts) < 2 {
		return "", "", true, false
	}
	var all strings.Builder
	for _, part := range parts[:len(parts)-1] {
		if text, isText := part.(string); isText {
			all.WriteString(text)
			continue
		}
		name, isVar := operand(part, "var")
		if !isVar || len(name) != 1 || name[0] != "$flagd.flagKey" {
			return "", "", true, false
		}
		all.WriteString(im.key)
	}
	by, ok = attributeOf(parts[len(parts)-1])
	return all.String(), by, true, ok && all.Len() > 0 && all.Len() <= nameMost
}

// attributeOf returns the path of a var that has no default and is none of
// flagd's own.
func attributeOf(v any) (string, bool) {
	args, isVar := operand(v, "var")
	if !isVar || len(args) != 1 {
		return "", false
	}
	name, isText := args[0].(string)
	if !isText || len(name) > nameMost || strings.HasPrefix(name, "../") {
		return "", false
	}
	p := splitPath(name)
	return name, p[0] != "$flagd" && !slices.Contains(p, "") && len(p) <= depthMost
}
