package flag

import (
	"cmp"
	"slices"

	"github.com/davit-dev/davit"
)

// settings compiles what an environment says of a flag into it.
func (c *compiler) settings(f *compiled, given *davit.Flag, s *davit.FlagSettings, at place) {
	f.enabled = s.Enabled
	if s.Off != "" {
		f.off = f.known(s.Off, at.field("off"))
	}
	for i, p := range s.Prerequisites {
		f.prerequisites = append(f.prerequisites, c.prerequisite(p, at.field("prerequisites").index(i)))
	}
	for i, t := range s.Targets {
		f.target(t, at.field("targets").index(i))
	}
	salt := newSalt(cmp.Or(given.Salt, given.Key))
	seen := map[string]bool{}
	for i, r := range s.Rules {
		here := at.field("rules").index(i)
		if r.ID != "" && seen[r.ID] {
			here.field("id").wrong("there are two rules of the ID %q", r.ID)
		}
		seen[r.ID] = true
		f.rules = append(f.rules, c.rule(f, &salt, r, i, here))
	}
	f.fallback = f.serve(&salt, s.Default, at.field("default"))
	f.alone = Default
	if len(f.prerequisites)+len(f.targets)+len(f.rules) == 0 {
		f.alone = Static
	}
}

func (c *compiler) prerequisite(p davit.FlagPrerequisite, at place) prerequisite {
	other := c.flags[p.Flag]
	if other == nil {
		at.field("flag").wrong("there is no flag %q", p.Flag)
		return prerequisite{}
	}
	made := prerequisite{flag: other}
	if len(p.Variants) == 0 {
		at.field("variants").wrong("there is none, so it could never hold")
	}
	for i, name := range p.Variants {
		made.variants = append(made.variants, other.known(name, at.field("variants").index(i)))
	}
	return made
}

// target adds a target to the one before it when both look at the same attribute.
// A user whom both name gets what the first one says.
func (f *compiled) target(t davit.FlagTarget, at place) {
	v := f.known(t.Variant, at.field("variant"))
	by := attribute(cmp.Or(t.Attribute, targetingKey), at.field("attribute"))
	if n := len(f.targets); n == 0 || !slices.Equal(f.targets[n-1].by, by) {
		f.targets = append(f.targets, target{by: by, keys: make(map[string]*variant, len(t.Keys))})
	}
	last := &f.targets[len(f.targets)-1]
	for i, key := range t.Keys {
		if key == "" {
			at.field("keys").index(i).wrong("it is empty")
		}
		if last.keys[key] == nil {
			last.keys[key] = v
		}
	}
}

func (c *compiler) rule(f *compiled, salt *salt, r davit.FlagRule, index int, at place) rule {
	made := rule{id: ruleID(r, index)}
	if len(r.ID) > nameMost {
		at.field("id").wrong("it is longer than %d bytes", nameMost)
	}
	if r.Advanced != nil {
		if r.When != nil || r.Serve != (davit.FlagServe{}) {
			at.wrong("an advanced rule has neither when nor serve")
		}
		made.advanced = compileLogic(r.Advanced, at.field("advanced"))
		return made
	}
	if r.When != nil {
		made.when, _ = c.condition(r.When, 0, at.field("when"))
	}
	made.serve = f.serve(salt, r.Serve, at.field("serve"))
	return made
}

func (f *compiled) serve(salt *salt, s davit.FlagServe, at place) serve {
	switch {
	case s.Variant != "" && s.Split != nil:
		at.wrong("it is a variant and a split, and can be only one of them")
	case s.Variant != "":
		return serve{variant: f.known(s.Variant, at.field("variant"))}
	case s.Split != nil:
		return f.split(salt, s.Split, at.field("split"))
	}
	return serve{}
}

// split compiles a split. One that gives everything to one variant does not need
// to know the user.
func (f *compiled) split(salt *salt, s *davit.FlagSplit, at place) serve {
	made := &split{by: attribute(cmp.Or(s.By, targetingKey), at.field("by")), salt: *salt}
	if s.Salt != nil {
		made.salt = newSalt(*s.Salt)
		if len(*s.Salt) > nameMost {
			at.field("salt").wrong("it is longer than %d bytes", nameMost)
		}
	}
	if s.Otherwise != "" {
		made.otherwise = f.known(s.Otherwise, at.field("otherwise"))
	}
	at = at.field("shares")
	if len(s.Shares) > sharesMost {
		at.wrong("there are %d shares, and can be at most %d", len(s.Shares), sharesMost)
		return serve{}
	}
	total, valid := 0, true
	for i, share := range s.Shares {
		here := at.index(i)
		if share.Weight < 0 || share.Weight > davit.MaxFlagWeight-total {
			here.field("weight").wrong("%d is negative, or brings the sum above %d", share.Weight, davit.MaxFlagWeight)
			valid = false
			continue
		}
		total += share.Weight
		valid = f.known(share.Variant, here.field("variant")) != nil && valid
	}
	if total == 0 {
		at.wrong("the weights sum to 0")
		valid = false
	}
	if !valid {
		return serve{}
	}
	made.ranges = reaches(s.Shares, total, f.variant)
	if len(made.ranges) == 1 && made.otherwise == nil {
		return serve{variant: made.ranges[0].variant}
	}
	return serve{split: made}
}

// attribute compiles the path of an attribute.
func attribute(text string, at place) path {
	if len(text) > nameMost {
		at.wrong("it is longer than %d bytes", nameMost)
	}
	p := splitPath(text)
	if len(p) > depthMost {
		at.wrong("it has more than %d names", depthMost)
	}
	for _, part := range p {
		if part == "" {
			at.wrong("%q has an empty name", text)
		}
	}
	return p
}
