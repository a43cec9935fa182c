package bicep

import (
	"encoding/json"
	"os"
	"strings"
)

func loadJSON(f *frame, args []any) (any, error) {
	path, ok := args[0].(string)
	if !ok {
		return nil, errArguments
	}
	data, err := os.ReadFile(f.file.beside(path))
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return whole(v)
}

// whole gives JSON's numbers the type that the language has.
func whole(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		return v.Int64()
	case []any:
		for i := range v {
			if v[i], err = whole(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = whole(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
