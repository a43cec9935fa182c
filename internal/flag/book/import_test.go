package book_test

import (
	"testing"

	"github.com/davit-dev/davit"
)

// served returns a boolean flag that serves a variant in an environment, and rests
// on other flags there.
func served(key, environment, variant string, on ...string) davit.Flag {
	s := davit.FlagSettings{Enabled: true, Off: "off", Default: davit.FlagServe{Variant: variant}}
	for _, other := range on {
		s.Prerequisites = append(s.Prerequisites, davit.FlagPrerequisite{Flag: other, Variants: []string{"on"}})
	}
	return davit.Flag{
		Key: key, Type: davit.FlagBoolean, Variants: davit.BooleanVariants(),
		Environments: map[string]davit.FlagSettings{environment: s},
	}
}

func taken(environment string, flags ...davit.Flag) davit.FlagImport {
	return davit.FlagImport{Application: "shop", Environment: environment, Flags: flags, Actor: "anna", Comment: "from elsewhere"}
}

// TestImport takes over flags that rest on each other, whichever comes first, and
// leaves alone what they say about another environment.
func TestImport(t *testing.T) {
	s := open(t)
	i := taken("production", served("a", "production", "on", "b"), served("b", "production", "on"))
	outs, err := s.Import(t.Context(), i)
	if err != nil || len(outs) != 2 || !outs[0].Changed || outs[0].Record.Sequence != 1 || outs[1].Record.Sequence != 2 {
		t.Fatalf("imported: %+v (%v)", outs, err)
	}
	again, err := s.Import(t.Context(), i)
	if err != nil || len(again) != 2 || again[0].Changed || again[1].Changed || again[1].Record.Revision != 1 {
		t.Errorf("imported again: %+v (%v)", again, err)
	}
	if _, err := s.Import(t.Context(), taken("staging", served("b", "staging", "off"), served("c", "staging", "on"))); err != nil {
		t.Fatal(err)
	}
	s.reopen(t)
	for key, want := range map[string]string{"a": "on", "b": "on", "c": ""} {
		if got := s.serves(t, key, "bo"); got != want {
			t.Errorf("%s serves %q, want %q", key, got, want)
		}
	}
	if at := s.View("shop", "production").Sequence; at != 4 {
		t.Errorf("what is evaluated is of change %d, want 4", at)
	}
	entries, err := s.store.Audit(t.Context(), davit.AuditFilter{Application: "shop"})
	if err != nil || len(entries) != 4 || entries[1].Action != "flag.import" || entries[1].Reason != "from elsewhere" || entries[2].Environment != "staging" {
		t.Errorf("audit: %+v (%v)", entries, err)
	}
}

// TestRefusedImport shows that an import that cannot be done as a whole does
// nothing, and neither does a dry run.
func TestRefusedImport(t *testing.T) {
	s := open(t)
	s.must(t, create("old"))
	text := served("old", "production", "on")
	text.Type = davit.FlagString
	good := served("good", "production", "on")
	key := &davit.AccessKey{Application: "shop", Environment: "production", Kind: davit.AccessAdmin, Name: "ci"}
	for name, test := range map[string]struct {
		flags []davit.Flag
		scope *davit.AccessKey
		code  davit.Code
	}{
		"not valid":           {[]davit.Flag{good, served("bad", "production", "blue")}, nil, davit.CodeInvalid},
		"rests on nothing":    {[]davit.Flag{good, served("bad", "production", "on", "nothing")}, nil, davit.CodeInvalid},
		"rests on itself":     {[]davit.Flag{served("bad", "production", "on", "good"), served("good", "production", "on", "bad")}, nil, davit.CodeInvalid},
		"twice":               {[]davit.Flag{good, good}, nil, davit.CodeInvalid},
		"of another type":     {[]davit.Flag{good, text}, nil, davit.CodeInvalid},
		"new, by a key":       {[]davit.Flag{served("old", "production", "on"), good}, key, davit.CodeRefused},
		"nothing is no error": {nil, nil, ""},
	} {
		i := taken("production", test.flags...)
		i.Scope = test.scope
		if _, err := s.Import(t.Context(), i); davit.ErrorCode(err) != test.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	dry := taken("production", good, served("old", "production", "on"))
	dry.DryRun = true
	outs, err := s.Import(t.Context(), dry)
	if err != nil || len(outs) != 2 || outs[0].Changed || len(outs[1].Difference) == 0 || outs[1].Record.Revision != 2 {
		t.Errorf("would be %+v (%v)", outs, err)
	}
	if flags := s.Flags("shop", "", 10); len(flags) != 1 || flags[0].Revision != 1 {
		t.Errorf("the flags are %+v", flags)
	}
	if entries, err := s.store.Audit(t.Context(), davit.AuditFilter{}); err != nil || len(entries) != 1 {
		t.Errorf("audit: %+v (%v)", entries, err)
	}
	own := taken("production", served("old", "production", "on"))
	own.Scope = key
	if outs, err := s.Import(t.Context(), own); err != nil || !outs[0].Changed {
		t.Errorf("a key's own environment: %+v (%v)", outs, err)
	}
}
