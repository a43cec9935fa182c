package flag

import (
	"github.com/davit-dev/davit"
)

// condition compiles a condition, and returns with it how many conditions it
// rests on.
func (c *compiler) condition(given *davit.FlagCondition, depth int, at place) (made condition, cost int) {
	if depth > depthMost {
		at.wrong("conditions are more than %d deep", depthMost)
		return all{}, 1
	}
	forms := 0
	for _, used := range []bool{given.All != nil, given.Any != nil, given.Not != nil, given.Segment != "", given.Attribute != ""} {
		if used {
			forms++
		}
	}
	if forms != 1 {
		at.wrong("a condition is one of all, any, not, segment, or an attribute's comparison, and this is %d of them", forms)
		return all{}, 1
	}
	switch {
	case given.All != nil:
		list, cost := c.conditions(given.All, depth, at.field("all"))
		return all(list), cost
	case given.Any != nil:
		list, cost := c.conditions(given.Any, depth, at.field("any"))
		return anyOf(list), cost
	case given.Not != nil:
		made, cost := c.condition(given.Not, depth+1, at.field("not"))
		return not{made}, cost + 1
	case given.Segment != "":
		s := c.segment(given.Segment, at.field("segment"))
		return s, s.cost + 1
	default:
		return c.comparison(given, at), 1
	}
}

func (c *compiler) conditions(given []davit.FlagCondition, depth int, at place) (list []condition, cost int) {
	if len(given) == 0 {
		at.wrong("there is none")
	}
	cost = 1
	for i := range given {
		made, more := c.condition(&given[i], depth+1, at.index(i))
		list = append(list, made)
		if cost += more; cost > costMost {
			at.wrong("it rests on more than %d conditions", costMost)
			break
		}
	}
	return list, cost
}

func (c *compiler) comparison(given *davit.FlagCondition, at place) condition {
	by := attribute(given.Attribute, at.field("attribute"))
	made := newTest(given, at)
	if made == nil {
		return all{}
	}
	return &comparison{by: by, test: made, op: given.Op, values: given.Values}
}

// allSegments compiles the segments.
func (c *compiler) allSegments(given []davit.Segment, at place) {
	for i := range given {
		here := at.key(given[i].Key)
		named(given[i].Key, "key", here)
		if c.given[given[i].Key] != nil {
			here.wrong("there are two segments of this key")
		}
		c.given[given[i].Key] = &given[i]
	}
	for i := range given {
		c.segment(given[i].Key, at)
	}
}

// segment returns a segment by its key, and compiles it if that was not done yet.
// A segment that rests on itself is wrong.
func (c *compiler) segment(key string, at place) *segment {
	if s, begun := c.segments[key]; begun {
		if s == nil {
			at.wrong("segment %q rests on itself", key)
			return &segment{key: key}
		}
		return s
	}
	given := c.given[key]
	if given == nil {
		at.wrong("there is no segment %q", key)
		return &segment{key: key}
	}
	c.segments[key] = nil
	s := &segment{key: key, include: set(given.Include), exclude: set(given.Exclude), cost: 1}
	if given.When != nil {
		here := place{"segments", at.found}.key(key).field("when")
		var cost int
		s.when, cost = c.condition(given.When, 0, here)
		s.cost += cost
		if s.cost > costMost {
			here.wrong("it rests on more than %d conditions", costMost)
			s.cost = 1 // told once
		}
	}
	c.segments[key] = s
	return s
}

func set(keys []string) map[string]struct{} {
	made := make(map[string]struct{}, len(keys))
	for _, key := range keys {
		made[key] = struct{}{}
	}
	return made
}
