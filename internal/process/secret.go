package process

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/davit-dev/davit"
)

// secretLimit bounds the value of a secret, in bytes.
const secretLimit = 64 << 10

// errUnresolved is wrapped by the errors of resolveSecrets.
var errUnresolved = errors.New("it has no value")

// ResolveSecrets returns what references ("env:NAME" of the server's
// environment, "file:/path") name now, by the same keys. Its errors name the
// reference and never the value.
func ResolveSecrets(references map[string]string) (map[string]string, error) {
	return resolveSecrets(references, os.LookupEnv)
}

// resolveSecrets returns the values of the references, by variable. Its errors
// name the reference and never the value.
func resolveSecrets(references map[string]string, look func(string) (string, bool)) (map[string]string, error) {
	values := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(references)) {
		value, err := resolveSecret(references[name], look)
		if err != nil {
			return nil, &davit.Error{
				Code: davit.CodeUnavailable, Err: fmt.Errorf("%w: %w", errUnresolved, err),
				Message: fmt.Sprintf("secret %s (%s) cannot be resolved", name, references[name]),
				Hint:    "give the reference a value where davit serve runs, then deploy again",
			}
		}
		values[name] = value
	}
	return values, nil
}

func resolveSecret(reference string, look func(string) (string, bool)) (string, error) {
	kind, name, _ := strings.Cut(reference, ":")
	var value string
	switch kind {
	case "env":
		var ok bool
		if value, ok = look(name); !ok {
			return "", errors.New("the server's environment has no such variable")
		}
	case "file":
		var err error
		if value, err = readSecret(name); err != nil {
			return "", err
		}
	default:
		return "", errors.New("only env: and file: references are known")
	}
	value = strings.TrimSuffix(strings.TrimSuffix(value, "\n"), "\r")
	switch {
	case len(value) > secretLimit:
		return "", fmt.Errorf("the value is longer than %d bytes", secretLimit)
	case strings.ContainsRune(value, 0):
		return "", errors.New("the value holds a zero byte, which no variable can")
	}
	return value, nil
}

func readSecret(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not keep us waiting
	if err != nil {
		return "", err //nolint:wrapcheck // it names the file, and the caller the secret
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return "", err //nolint:wrapcheck // as above
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is not a regular file")
	}
	data, err := io.ReadAll(io.LimitReader(f, secretLimit+3)) // a line's end and one byte to see that there are more
	return string(data), err                                  //nolint:wrapcheck // as above
}

// masker replaces the values of secrets in text. It knows them as they are,
// not in other encodings.
type masker struct {
	*strings.Replacer
	// blind is set when some of the values are not known.
	blind bool
}

// newMasker returns a masker for the named variables of an environment.
func newMasker(env []string, names map[string]string) masker {
	var values []string
	blind := false
	for name := range names {
		value, known := lookup(env, name)
		blind = blind || !known
		values = append(values, value)
		values = append(values, strings.Split(value, "\n")...) // a log line holds no more than one of its lines
	}
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) }) // the longest first
	var pairs []string
	for _, value := range slices.Compact(values) {
		if value = strings.TrimSpace(value); value != "" {
			pairs = append(pairs, value, "***")
		}
	}
	return masker{strings.NewReplacer(pairs...), blind}
}
