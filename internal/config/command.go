package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// command binds an argument vector: a list, or one text that is cut into words
// as a shell cuts them, without a shell's other powers.
func command(into *item[[]string]) value { return commandValue{into} }

type commandValue struct{ into *item[[]string] }

const maxArguments = 1000

func (v commandValue) shape() shape {
	return shape{
		words: "text, or a list of arguments",
		schema: schema{"anyOf": []schema{
			{"type": "string", "minLength": 1},
			{
				"type": "array", "items": literal(atRuntime).schema,
				"minItems": 1, "maxItems": maxArguments,
			},
		}},
	}
}

func (v commandValue) read(r *reader, n *node) {
	place(r, v.into, n)
	var arguments []string
	switch n.kind {
	case list:
		var items sequence[string]
		listOf(&items, maxArguments, as(literal(atRuntime))).read(r, n)
		for _, i := range items.value {
			arguments = append(arguments, i.value)
		}
	case text:
		words, wrong := splitWords(n.text)
		for i := range words {
			if wrong == nil {
				words[i], wrong = r.expandText(words[i], atRuntime, false)
			}
		}
		if wrong != nil {
			r.problem(n.at, wrong.hint, "%s %s", r.key, wrong.message)
			return
		}
		arguments = words
	default:
		r.mismatch(n, "text or a list of arguments", "")
		return
	}
	if len(arguments) == 0 || arguments[0] == "" {
		r.problem(n.at, "begin with the program to run", "%s is empty", r.key)
		return
	}
	v.into.value = arguments
	mark(r, v.into)
}

// operators are words that only a shell would obey.
var operators = []string{"&&", "||", "|", "&", ";", ">", ">>", "<", "2>&1"}

// splitWords cuts a line at blanks, except in single and double quotes and
// after a backslash.
func splitWords(line string) ([]string, *wrong) {
	var (
		words   []string
		current strings.Builder
		quote   rune // that is open
		begun   bool // current is a word, even when it is empty
		plain   = true
		escaped bool
	)
	end := func() *wrong {
		if begun && plain && slices.Contains(operators, current.String()) {
			return wrongf(fmt.Sprintf(`ask for a shell: ["sh", "-c", %q]`, clip(line)), "has %s, and no shell reads it", current.String())
		}
		if begun {
			words = append(words, current.String())
		}
		current.Reset()
		begun, plain = false, true
		return nil
	}
	for _, c := range line {
		switch {
		case escaped:
			if quote == '"' && !strings.ContainsRune(`"\`, c) {
				current.WriteByte('\\')
			}
			current.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, begun, plain = true, true, false
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			current.WriteRune(c)
		case c == '"' || c == '\'':
			quote, begun, plain = c, true, false
		case unicode.IsSpace(c):
			if wrong := end(); wrong != nil {
				return nil, wrong
			}
		default:
			current.WriteRune(c)
			begun = true
		}
	}
	if quote != 0 || escaped {
		return nil, wrongf("close it, or write a list of arguments", "ends inside a quote")
	}
	wrong := end()
	return words, wrong
}
