package flag

import (
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzFlatObject looks for a text that is read otherwise than encoding/json does.
func FuzzFlatObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { "a" : "b" , "c":12,"d":true,"e":false,"f":null } `, `{"a":1.5}`, `{"a":01}`, `{"a":0}`, `{"a":-1}`, `{"a":1e3}`, `{"a":123456789012345}`,
		`{"a":1234567890123456}`, `{"a":"\n"}`, `{"a":"é"}`, `{"a":{}}`, `{"a":1,"a":2}`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":truee}`, `{"a":t`, `{"a":"`, `{"a":1}x`, ``,
		`{"context":{"targetingKey":"anna"}}`, "{\"a\":\"\x7f\"}", "{\"a\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		got, ok := flatObject(src)
		if !ok {
			return
		}
		var want map[string]any
		if err := json.Unmarshal(src, &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as %v, and is %v (%v)", src, got, want, err)
		}
	})
}

// TestFlatObjectReadsContexts keeps the common contexts on the short way.
func TestFlatObjectReadsContexts(t *testing.T) {
	for _, src := range []string{`{}`, `{"targetingKey":"user-1","plan":"pro","age":41,"beta":true,"team":null}`, "{\n  \"targetingKey\": \"a\"\n}"} {
		if _, ok := flatObject([]byte(src)); !ok {
			t.Errorf("%s goes the long way", src)
		}
	}
}
