package analysis

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Recorded returns the evidence of analyses that is anywhere in JSON documents,
// in their order: a verdict's, a rollout's with its verdicts, a journal's, or
// the statement of a receipt.
func Recorded(r io.Reader) ([]Evidence, error) {
	var found []Evidence
	documents := json.NewDecoder(io.LimitReader(r, maxSeries))
	for {
		var document any
		err := documents.Decode(&document)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the document is no JSON: %w", err)
		}
		if found, err = gather(found, document); err != nil {
			return nil, err
		}
	}
}

// gather adds the evidence in a value.
func gather(found []Evidence, value any) ([]Evidence, error) {
	var err error
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			if found, err = gather(found, item); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if isEvidence(v) {
			e, err := evidenceOf(v)
			return append(found, e), err
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if found, err = gather(found, v[key]); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

func isEvidence(v map[string]any) bool {
	for _, key := range []string{"options", "threshold", "metrics", "path"} {
		if v[key] == nil {
			return false
		}
	}
	return true
}

func evidenceOf(v map[string]any) (e Evidence, err error) {
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil {
		return e, fmt.Errorf("the evidence is not as expected: %w", err)
	}
	for _, p := range e.Path {
		if len(p.E) != len(e.Metrics) || p.Candidate.check(len(e.Metrics)) != nil || p.Stable.check(len(e.Metrics)) != nil {
			return e, fmt.Errorf("the point of the evidence at %s does not have its %d metrics", p.At, len(e.Metrics))
		}
	}
	return e, nil
}
