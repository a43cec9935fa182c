package server

import (
	"context"
	"net/http"
	"sort"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

// Segments are for all environments, so that no access key goes for them: they are
// not below the path of flags.
const (
	segmentsPath = "/v1/flagsegments/{application}"
	segmentPath  = segmentsPath + "/{key}"
)

// SegmentPath is the segment that a path names.
type SegmentPath struct {
	FlagsPath
	Key string `path:"key" minLength:"1" maxLength:"256" doc:"of the segment; a slash in it is written %2F"`
}

// SegmentEdit is what all changes of segments may say.
type SegmentEdit struct {
	IfMatch string `header:"If-Match" maxLength:"40" doc:"ETag of the segment that is to be changed, or * for whatever there is; needed"`
	DryRun  bool   `query:"dryRun" doc:"change nothing, and tell what would"`
	Comment string `query:"comment" maxLength:"1024" doc:"why, for the audit log"`
}

type listSegmentsInput struct {
	FlagsPath
	Paged
}

type putSegmentInput struct {
	SegmentPath
	SegmentEdit
	Body davit.Segment
}

type deleteSegmentInput struct {
	SegmentPath
	SegmentEdit
}

type segmentHistoryInput struct {
	SegmentPath
	Limit int `query:"limit" default:"20" minimum:"1" maximum:"1000" doc:"how many at most"`
}

func (s *Server) flagSegmentRoutes(h huma.API) {
	register(s, h, get("listSegments", segmentsPath, "The segments that an application's flags share, by key"),
		func(ctx context.Context, in *listSegmentsInput) (*body[api.SegmentList], error) {
			if _, err := s.flagScope(ctx, in.Application); err != nil {
				return nil, err
			}
			all := s.Flags.Segments(in.Application)
			from := sort.Search(len(all), func(i int) bool { return all[i].Segment.Key > in.After })
			part, next := page(all, from, in.Limit, func(r *davit.SegmentRecord) string { return r.Segment.Key })
			list := api.SegmentList{Segments: []davit.SegmentRecord{}, Next: next}
			for _, r := range part {
				list.Segments = append(list.Segments, *r)
			}
			return &body[api.SegmentList]{list}, nil
		})
	register(s, h, get("segmentHistory", segmentPath+"/history", "What a segment said, newest first, and who changed it"),
		func(ctx context.Context, in *segmentHistoryInput) (*body[api.SegmentHistory], error) {
			if _, err := s.flagScope(ctx, in.Application); err != nil {
				return nil, err
			}
			records, err := s.Flags.SegmentHistory(ctx, in.Application, in.Key, in.Limit)
			list := api.SegmentHistory{Records: []davit.SegmentRecord{}}
			for _, r := range records {
				list.Records = append(list.Records, *r)
			}
			return &body[api.SegmentHistory]{list}, err
		})
	register(s, h, proposable[davit.SegmentOutcome](h, operation(http.MethodPut, "putSegment", segmentPath, "Make a segment, or replace it as a whole")),
		func(ctx context.Context, in *putSegmentInput) (*changed[davit.SegmentOutcome], error) {
			if in.Body.Key != in.Key {
				return nil, &davit.Error{Code: davit.CodeInvalid, Message: "the segment's key is not the one of the path: a key never changes"}
			}
			return s.changeSegment(ctx, in.Application, in.SegmentEdit, davit.SegmentEdit{Segment: in.Body})
		})
	register(s, h, proposable[davit.SegmentOutcome](h, operation(http.MethodDelete, "deleteSegment", segmentPath, "Remove a segment that no flag names; its history stays")),
		func(ctx context.Context, in *deleteSegmentInput) (*changed[davit.SegmentOutcome], error) {
			return s.changeSegment(ctx, in.Application, in.SegmentEdit, davit.SegmentEdit{Segment: davit.Segment{Key: in.Key}, Delete: true})
		})
}

// changeSegment does what a request asks of a segment.
func (s *Server) changeSegment(ctx context.Context, application string, in SegmentEdit, e davit.SegmentEdit) (*changed[davit.SegmentOutcome], error) {
	if _, err := s.flagScope(ctx, application); err != nil {
		return nil, err
	}
	var err error
	if e.Match, err = revision(in.IfMatch); err != nil {
		return nil, err
	}
	if e.Match == davit.AnyFlagRevision && !e.Delete {
		e.Match = davit.AnyFlagOrNone
	}
	e.Application, e.Actor, e.Comment, e.DryRun, e.Propose = application, actor(ctx), in.Comment, in.DryRun, true
	out, err := s.Flags.ChangeSegment(ctx, e)
	if err != nil {
		return nil, preconditioned(err)
	}
	return changedTo(out.Record.Revision, out.Proposal, *out), nil
}
