package flag

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// versions is met by a version that is in one of some ranges. Ranges are written
// as npm does: ">=1.2.0 <2.0.0", "^1.4", "~2.1.3 || 3.x", "1.2 - 1.4". Other than
// there, a pre-release is in a range when it comes between its ends, and the first
// of 2.0.0 is after all of 1.x.
type versions []span

// span is the versions from one to another.
type span struct {
	from, to         version
	without, through bool // from is not in it; to is
	open             bool // there is no end
	outside          bool // those that are not in it are meant
}

func newVersions(ranges []string, at place) test {
	var made alternatives
	for i, text := range ranges {
		if len(text) > expressionMax {
			at.index(i).wrong("it is longer than %d bytes", expressionMax)
			continue
		}
		for part := range strings.SplitSeq(text, "||") {
			all, err := parseRange(part)
			if err != nil {
				at.index(i).wrong("%q is no range of versions: %v", text, err)
				break
			}
			made = append(made, all)
		}
	}
	return made
}

// alternatives is met by a version that is in all spans of one of its elements.
type alternatives []versions

func (a alternatives) meets(value any) bool {
	var v version
	var ok bool
	switch value := value.(type) {
	case string:
		v, _, ok = parseVersion(value)
	case float64:
		v, _, ok = parseVersion(strconv.FormatFloat(value, 'f', -1, 64))
	}
	if !ok {
		return false
	}
	for _, spans := range a {
		if spans.have(v) {
			return true
		}
	}
	return false
}

func (s versions) have(v version) bool {
	for _, one := range s {
		if one.has(v) == one.outside {
			return false
		}
	}
	return true
}

func (s span) has(v version) bool {
	from := v.compare(s.from)
	if from < 0 || from == 0 && s.without {
		return false
	}
	if s.open {
		return true
	}
	to := v.compare(s.to)
	return to < 0 || to == 0 && s.through
}

// parseRange reads comparisons that have to hold together.
func parseRange(text string) (versions, error) {
	words := strings.Fields(text)
	if len(words) == 3 && words[1] == "-" {
		low, err := parseComparison(">=" + words[0])
		if err != nil {
			return nil, err
		}
		high, err := parseComparison("<=" + words[2])
		if err != nil {
			return nil, err
		}
		return versions{low, high}, nil
	}
	if len(words) == 0 {
		return nil, errors.New("it is empty")
	}
	var all versions
	for i := 0; i < len(words); i++ {
		word := words[i]
		if strings.Trim(word, "<>=!^~") == "" && i+1 < len(words) { // ">= 1.2"
			i++
			word += words[i]
		}
		one, err := parseComparison(word)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// parseComparison reads one comparison: ">=1.2.0", "^1.4", "2.x".
func parseComparison(word string) (span, error) {
	text := strings.TrimLeft(word, "<>=!^~")
	op := word[:len(word)-len(text)]
	if text == "*" || text == "x" || text == "X" {
		text = ""
	}
	var v version
	numbers := 0
	if text != "" {
		for cut := true; cut; { // 1.x and 1.x.x are 1
			if text, cut = strings.CutSuffix(text, ".x"); cut {
				continue
			}
			if text, cut = strings.CutSuffix(text, ".X"); cut {
				continue
			}
			text, cut = strings.CutSuffix(text, ".*")
		}
		var ok bool
		if v, numbers, ok = parseVersion(text); !ok {
			return span{}, fmt.Errorf("%q is no version", text)
		}
	}
	// All versions that begin with the numbers that are there.
	first := v
	if numbers < len(v.numbers) {
		first.pre = "0"
	}
	whole := span{from: first, to: v, through: true}
	if numbers < len(v.numbers) {
		whole.through = false
		whole.to, whole.open = after(v, numbers)
	}
	switch op {
	case "", "=":
		return whole, nil
	case "!=":
		whole.outside = true
		return whole, nil
	case ">=":
		return span{from: whole.from, open: true}, nil
	case ">":
		if whole.through {
			return span{from: v, without: true, open: true}, nil
		}
		return span{from: whole.to, open: true, outside: whole.open}, nil
	case "<":
		return span{from: least(), to: whole.from}, nil
	case "<=":
		return span{from: least(), to: whole.to, through: whole.through, open: whole.open}, nil
	case "~":
		end, open := after(v, min(numbers, 2))
		return span{from: whole.from, to: end, open: open}, nil
	case "^":
		kept := 1
		for kept < numbers && v.numbers[kept-1] == 0 {
			kept++
		}
		end, open := after(v, min(kept, numbers))
		return span{from: whole.from, to: end, open: open}, nil
	default:
		return span{}, fmt.Errorf("%q is none of = != < <= > >= ^ ~", op)
	}
}

// least returns the version before all others.
func least() version { return version{pre: "0"} }

// after returns the first version whose first numbers are more than those of v; or
// that there is none, when no numbers count.
func after(v version, numbers int) (end version, open bool) {
	if numbers == 0 {
		return version{}, true
	}
	copy(end.numbers[:numbers], v.numbers[:numbers])
	end.numbers[numbers-1]++
	end.pre = "0"
	return end, false
}
