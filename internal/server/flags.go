package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

// Flags keeps feature flags and the keys that they are read with.
type Flags interface {
	Flag(application, key string) (*davit.FlagRecord, error)
	// Sequence returns the number of the last change of an application's flags or
	// segments; 0 before the first.
	Sequence(application string) int64
	// Flags lists flags by key, from the one after a given key on.
	Flags(application, after string, limit int) []*davit.FlagRecord
	// History lists records with a revision below before, newest first.
	History(ctx context.Context, application, key string, before int64, limit int) ([]*davit.FlagRecord, error)
	Change(ctx context.Context, e davit.FlagEdit) (*davit.FlagOutcome, error)
	// Import takes flags over, all of them or none.
	Import(ctx context.Context, i davit.FlagImport) ([]*davit.FlagOutcome, error)
	Revert(ctx context.Context, e davit.FlagEdit, revision int64) (*davit.FlagOutcome, error)
	// Segments lists segments by key.
	Segments(application string) []*davit.SegmentRecord
	SegmentHistory(ctx context.Context, application, key string, limit int) ([]*davit.SegmentRecord, error)
	ChangeSegment(ctx context.Context, e davit.SegmentEdit) (*davit.SegmentOutcome, error)
	Explain(application, environment, key string, attributes map[string]any) (*api.FlagExplanation, error)

	// Protections lists the environments in which changes need approval.
	Protections(ctx context.Context, application string) ([]*davit.FlagProtection, error)
	// Protect returns the protection as it is, and what is proposed to change it.
	Protect(ctx context.Context, p davit.FlagProtection) (*davit.FlagProtection, *davit.FlagProposal, error)
	// Proposals lists what waits, newest first, without flags and segments: what is older
	// than a given one, unless that is empty.
	Proposals(ctx context.Context, application string, ended bool, after string, limit int) ([]*davit.FlagProposal, error)
	Proposal(ctx context.Context, application, id string) (*davit.FlagProposal, error)
	Approve(ctx context.Context, application, id, actor, comment string) (*davit.FlagProposal, error)
	Reject(ctx context.Context, application, id, actor, why string) (*davit.FlagProposal, error)

	Keys(application string) []davit.AccessKey
	CreateKey(ctx context.Context, actor string, key davit.AccessKey, lifetime time.Duration) (made davit.AccessKey, text string, err error)
	RotateKey(ctx context.Context, actor, application, id string, overlap time.Duration) (made davit.AccessKey, text string, err error)
	RevokeKey(ctx context.Context, actor, application, id, reason string) (davit.AccessKey, error)
}

const (
	flagsPath = "/v1/flags/{application}"
	flagPath  = flagsPath + "/{key}"
)

// FlagsPath is the application whose flags a path names.
type FlagsPath struct {
	Application string `path:"application" maxLength:"63" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" doc:"name of the application"`
}

// FlagPath is the flag that a path names.
type FlagPath struct {
	FlagsPath
	Key string `path:"key" minLength:"1" maxLength:"256" doc:"of the flag; a slash in it is written %2F"`
}

// Edit is what all changes of flags may say.
type Edit struct {
	IfMatch        string `header:"If-Match" maxLength:"40" doc:"ETag of the flag that is to be changed, or *; needed"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"of the sender's choice; a request that is sent again with it is not done again, for a day"`
	DryRun         bool   `query:"dryRun" doc:"change nothing, and tell what would"`
}

// flagAnswer is a flag, with its revision as its tag.
type flagAnswer[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

func tagged[T any](record *davit.FlagRecord, body T) *flagAnswer[T] {
	return &flagAnswer[T]{ETag: etag(record.Revision), Body: body}
}

// etag returns the tag of a revision.
func etag(revision int64) string { return strconv.Quote(strconv.FormatInt(revision, 10)) }

type listFlagsInput struct {
	FlagsPath
	Paged
}

type flagHistoryInput struct {
	FlagPath
	Before int64 `query:"before" minimum:"0" doc:"records with a lower revision; 0 is from the newest on"`
	Limit  int   `query:"limit" default:"20" minimum:"1" maximum:"1000" doc:"how many at most"`
}

type evaluateFlagInput struct {
	FlagPath
	Body api.FlagEvaluation
}

// readers are the kinds of keys that read what flags say.
var readers = []davit.AccessKeyKind{davit.AccessReadOnly, davit.AccessAdmin}

func (s *Server) flagRoutes(h huma.API) {
	register(s, h, get("listFlags", flagsPath, "The feature flags of an application, by key"), s.listFlags)
	register(s, h, get("flag", flagPath, "A feature flag"),
		func(ctx context.Context, in *FlagPath) (*flagAnswer[davit.FlagRecord], error) {
			record, key, err := s.readFlag(ctx, in)
			if err != nil {
				return nil, err
			}
			return tagged(record, visible(record, key)), nil
		})
	register(s, h, get("flagHistory", flagPath+"/history", "What a flag said, newest first, and who changed it"), s.flagHistory)
	register(s, h, post("evaluateFlag", flagPath+"/evaluate", "What somebody gets of a flag, and why, step by step"),
		func(ctx context.Context, in *evaluateFlagInput) (*body[api.FlagExplanation], error) {
			if _, _, err := s.readFlag(ctx, &in.FlagPath); err != nil {
				return nil, err
			}
			return answer(s.Flags.Explain(in.Application, in.Body.Environment, in.Key, in.Body.Context))
		})
	s.flagChangeRoutes(h)
	s.flagSegmentRoutes(h)
	s.flagProposalRoutes(h)
}

// flagsTag returns the tag of all flags and segments of an application: another one
// after each change.
func (s *Server) flagsTag(application string) string { return etag(s.Flags.Sequence(application)) }

func (s *Server) listFlags(ctx context.Context, in *listFlagsInput) (*flagAnswer[api.FlagList], error) {
	key, err := s.flagScope(ctx, in.Application, readers...)
	if err != nil {
		return nil, err
	}
	list := api.FlagList{Flags: []davit.FlagRecord{}}
	tag := s.flagsTag(in.Application) // at most as new as what is listed
	part, next := page(s.Flags.Flags(in.Application, in.After, in.Limit+1), 0, in.Limit, func(r *davit.FlagRecord) string { return r.Flag.Key })
	list.Next = next
	for _, record := range part {
		list.Flags = append(list.Flags, visible(record, key))
	}
	return &flagAnswer[api.FlagList]{ETag: tag, Body: list}, nil
}

func (s *Server) flagHistory(ctx context.Context, in *flagHistoryInput) (*body[api.FlagHistory], error) {
	key, err := s.flagScope(ctx, in.Application, readers...)
	if err != nil {
		return nil, err
	}
	before := in.Before
	if before == 0 {
		before = math.MaxInt64
	}
	records, err := s.Flags.History(ctx, in.Application, in.Key, before, in.Limit)
	if err != nil {
		return nil, err
	}
	list := api.FlagHistory{Records: []davit.FlagRecord{}}
	for _, record := range records {
		list.Records = append(list.Records, visible(record, key))
	}
	if last := len(records) - 1; last+1 == in.Limit && records[last].Revision > 1 {
		list.Next = records[last].Revision
	}
	return &body[api.FlagHistory]{list}, nil
}

// readFlag returns the flag that a path names, and the key that it is read with.
func (s *Server) readFlag(ctx context.Context, in *FlagPath) (*davit.FlagRecord, *davit.AccessKey, error) {
	key, err := s.flagScope(ctx, in.Application, readers...)
	if err != nil {
		return nil, nil, err
	}
	record, err := s.Flags.Flag(in.Application, in.Key)
	return record, key, err
}

// flagScope is scope, on a server that has flags.
func (s *Server) flagScope(ctx context.Context, application string, kinds ...davit.AccessKeyKind) (*davit.AccessKey, error) {
	if s.Flags == nil {
		return nil, &davit.Error{Code: davit.CodeUnsupported, Message: "this server keeps no feature flags"}
	}
	return scope(ctx, application, kinds...)
}

// edit returns an edit of a flag by whoever makes the request. raw is the body.
func (s *Server) edit(ctx context.Context, path FlagPath, in Edit, action, comment string, raw []byte) (davit.FlagEdit, error) {
	e := davit.FlagEdit{
		Application: path.Application, Key: path.Key, Actor: actor(ctx), Action: action, Comment: comment, Propose: true,
		DryRun: in.DryRun, RequestKey: in.IdempotencyKey,
	}
	if !utf8.ValidString(in.IdempotencyKey) { // it is stored, as text
		return e, &davit.Error{Code: davit.CodeInvalid, Message: "the Idempotency-Key is not UTF-8"}
	}
	var err error
	if e.Scope, err = s.flagScope(ctx, path.Application, davit.AccessAdmin); err != nil {
		return e, err
	}
	if e.Match, err = revision(in.IfMatch); err != nil {
		return e, err
	}
	e.RequestDigest = fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%s", action, path.Application, path.Key, in.IfMatch, raw)))
	return e, nil
}

// revision returns the revision that If-Match names.
func revision(match string) (int64, error) {
	switch match {
	case "":
		return 0, api.StatusProblem(http.StatusPreconditionRequired, "the request does not say in If-Match which revision of the flag it changes",
			"send the ETag of the flag as you have seen it, or * to change whatever there is")
	case "*":
		return davit.AnyFlagRevision, nil
	}
	return numbered(match, 1)
}

// numbered returns the number that a tag in If-Match is made of.
func numbered(match string, least int64) (int64, error) {
	n, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(match, "W/"), `"`), 10, 64)
	if err != nil || n < least {
		return 0, api.StatusProblem(http.StatusPreconditionFailed, "If-Match is no ETag of a flag", "send one as it came with the flag")
	}
	return n, nil
}

// outcome answers with what came of an edit.
func outcome(out *davit.FlagOutcome, key *davit.AccessKey, err error) (*changed[davit.FlagOutcome], error) {
	if err != nil {
		return nil, preconditioned(err)
	}
	told := shown(out, key)
	return changedTo(told.Record.Revision, told.Proposal, told), nil
}

// preconditioned returns an error as one about If-Match when it is that.
func preconditioned(err error) error {
	if !errors.Is(err, davit.ErrFlagRevision) && !errors.Is(err, davit.ErrStale) {
		return err
	}
	p := api.NewProblem(err)
	return api.StatusProblem(http.StatusPreconditionFailed, p.Detail, p.Hint)
}

// shown returns an outcome as a key may see it.
func shown(out *davit.FlagOutcome, key *davit.AccessKey) davit.FlagOutcome {
	record := visible(out.Record, key)
	told := *out
	told.Record = &record
	if key != nil && told.Proposal != nil { // it may tell of other environments
		p := *told.Proposal
		p.Flags, p.Segments = nil, nil
		told.Proposal = &p
	}
	if told.Difference == nil {
		told.Difference = []davit.FlagDifference{}
	}
	return told
}
