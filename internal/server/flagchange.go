package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

type createFlagInput struct {
	FlagsPath
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"of the sender's choice; a request that is sent again with it is not done again, for a day"`
	DryRun         bool   `query:"dryRun" doc:"change nothing, and tell what would"`
	Body           api.FlagCreation
	RawBody        []byte
}

type putFlagInput struct {
	FlagPath
	Edit
	Comment string `query:"comment" maxLength:"1024" doc:"why, for the audit log"`
	Body    davit.Flag
	RawBody []byte
}

type patchFlagInput struct {
	FlagPath
	Edit
	Comment string `query:"comment" maxLength:"1024" doc:"why, for the audit log"`
	RawBody []byte `contentType:"application/merge-patch+json"`
}

type deleteFlagInput struct {
	FlagPath
	Edit
	Comment string `query:"comment" maxLength:"1024" doc:"why, for the audit log"`
}

type instructFlagInput struct {
	FlagPath
	Edit
	Body    api.FlagInstructions
	RawBody []byte
}

type revertFlagInput struct {
	FlagPath
	Edit
	Body    api.FlagRevert
	RawBody []byte
}

func (s *Server) flagChangeRoutes(h huma.API) {
	create := post("createFlag", flagsPath, "Make a feature flag")
	create.DefaultStatus = http.StatusCreated
	register(s, h, flagProposable(h, create), s.createFlag)
	register(s, h, flagProposable(h, operation(http.MethodPut, "putFlag", flagPath, "Replace a feature flag as a whole")), s.putFlag)
	patch := operation(http.MethodPatch, "patchFlag", flagPath, "Change parts of a feature flag by a JSON merge patch (RFC 7396)")
	register(s, h, flagProposable(h, patch), s.patchFlag)
	register(s, h, flagProposable(h, operation(http.MethodDelete, "deleteFlag", flagPath, "Remove a feature flag; its history stays")), s.deleteFlag)
	instruct := post("instructFlag", flagPath+"/instructions", "Change a feature flag by intents, all or none of them")
	instruct.Description = "turnOn and turnOff need an environment; serve and setOff a variant too; setPercentages percentages that sum to 100; " +
		"addTargets and removeTargets users as values, and the variant that they get; addRule a rule, removeRule its ID; setClientSide enabled; addTags and removeTags values."
	register(s, h, flagProposable(h, instruct), s.instructFlag)
	s.flagPreviewRoute(h)
	s.flagImportRoute(h)
	s.flagRampRoutes(h)
	register(s, h, flagProposable(h, post("revertFlag", flagPath+"/revert", "Make a feature flag say again what it said at a revision")), s.revertFlag)
}

func (s *Server) createFlag(ctx context.Context, in *createFlagInput) (*changed[davit.FlagOutcome], error) {
	path := FlagPath{in.FlagsPath, in.Body.Flag.Key}
	e, err := s.edit(ctx, path, Edit{IfMatch: "*", IdempotencyKey: in.IdempotencyKey, DryRun: in.DryRun}, "flag.create", in.Body.Comment, in.RawBody)
	if err != nil {
		return nil, err
	}
	e.Match, e.Contexts = 0, in.Body.Contexts
	e.Alter = func(davit.Flag) (davit.Flag, error) { return in.Body.Flag, nil }
	out, err := s.Flags.Change(ctx, e)
	made, err := outcome(out, e.Scope, err)
	if err == nil && made.Status == http.StatusOK {
		made.Status = http.StatusCreated
	}
	return made, err
}

func (s *Server) putFlag(ctx context.Context, in *putFlagInput) (*changed[davit.FlagOutcome], error) {
	e, err := s.edit(ctx, in.FlagPath, in.Edit, "flag.change", in.Comment, in.RawBody)
	if err != nil {
		return nil, err
	}
	if in.Body.Key != in.Key {
		return nil, otherKey()
	}
	e.Alter = func(davit.Flag) (davit.Flag, error) { return in.Body, nil }
	out, err := s.Flags.Change(ctx, e)
	return outcome(out, e.Scope, err)
}

func (s *Server) patchFlag(ctx context.Context, in *patchFlagInput) (*changed[davit.FlagOutcome], error) {
	e, err := s.edit(ctx, in.FlagPath, in.Edit, "flag.change", in.Comment, in.RawBody)
	if err != nil {
		return nil, err
	}
	e.Alter = func(f davit.Flag) (davit.Flag, error) { return patched(f, in.RawBody) }
	out, err := s.Flags.Change(ctx, e)
	return outcome(out, e.Scope, err)
}

func (s *Server) deleteFlag(ctx context.Context, in *deleteFlagInput) (*changed[davit.FlagOutcome], error) {
	e, err := s.edit(ctx, in.FlagPath, in.Edit, "flag.delete", in.Comment, nil)
	if err != nil {
		return nil, err
	}
	e.Delete = true
	out, err := s.Flags.Change(ctx, e)
	return outcome(out, e.Scope, err)
}

func (s *Server) instructFlag(ctx context.Context, in *instructFlagInput) (*changed[davit.FlagOutcome], error) {
	e, err := s.edit(ctx, in.FlagPath, in.Edit, "flag.change", in.Body.Comment, in.RawBody)
	if err != nil {
		return nil, err
	}
	e.Contexts = in.Body.Contexts
	e.Alter = func(f davit.Flag) (davit.Flag, error) { return f.Instruct(in.Body.Instructions...) }
	if !in.Body.At.IsZero() {
		e.Schedule = &davit.FlagSchedule{At: in.Body.At, Instructions: in.Body.Instructions}
	}
	out, err := s.Flags.Change(ctx, e)
	return outcome(out, e.Scope, err)
}

func (s *Server) revertFlag(ctx context.Context, in *revertFlagInput) (*changed[davit.FlagOutcome], error) {
	e, err := s.edit(ctx, in.FlagPath, in.Edit, "flag.revert", in.Body.Comment, in.RawBody)
	if err != nil {
		return nil, err
	}
	e.Contexts = in.Body.Contexts
	out, err := s.Flags.Revert(ctx, e, in.Body.Revision)
	return outcome(out, e.Scope, err)
}

func flagProposable(h huma.API, op huma.Operation) huma.Operation {
	return proposable[davit.FlagOutcome](h, op)
}

// patched returns a flag with a JSON merge patch applied.
func patched(f davit.Flag, patch []byte) (davit.Flag, error) {
	wrong := func(err error) error {
		return &davit.Error{Code: davit.CodeInvalid, Message: "the merge patch does not make a flag", Err: err}
	}
	var document, change any
	text, err := json.Marshal(f)
	if err != nil {
		return f, fmt.Errorf("encoding flag %s: %w", f.Key, err)
	}
	if err := exact(text, &document); err != nil {
		return f, fmt.Errorf("decoding flag %s: %w", f.Key, err)
	}
	if err := exact(patch, &change); err != nil {
		return f, wrong(err)
	}
	if text, err = json.Marshal(merge(document, change)); err != nil {
		return f, wrong(err)
	}
	var after davit.Flag
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&after); err != nil {
		return f, wrong(err)
	}
	return after, nil
}

// exact decodes JSON with numbers as they stand there.
func exact(text []byte, value *any) error {
	if !json.Valid(text) {
		return json.Unmarshal(text, value) // says what is wrong
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(value)
}

// merge applies a JSON merge patch, as RFC 7396 says.
func merge(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(object, name)
			continue
		}
		object[name] = merge(object[name], value)
	}
	return object
}
