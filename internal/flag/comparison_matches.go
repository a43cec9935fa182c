package flag

import "regexp"

// matches is met by a text in which one of some regular expressions finds
// something. They are RE2, which takes time linear in the text.
type matches []*regexp.Regexp

func newMatches(expressions []string, at place) test {
	var made matches
	for i, expression := range expressions {
		here := at.index(i)
		if len(expression) > expressionMax {
			here.wrong("it is longer than %d bytes", expressionMax)
			continue
		}
		compiled, err := regexp.Compile(expression)
		if err != nil {
			here.wrong("it is no regular expression of RE2: %v", err)
			continue
		}
		made = append(made, compiled)
	}
	return made
}

func (m matches) meets(value any) bool {
	v, ok := value.(string)
	if !ok {
		return false
	}
	for _, expression := range m {
		if expression.MatchString(v) {
			return true
		}
	}
	return false
}
