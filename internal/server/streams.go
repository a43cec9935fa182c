package server

import (
	"context"
	"encoding/json"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

func (s *Server) streamRoutes(h huma.API) {
	// What the streams' lines hold is part of the description.
	for _, t := range []reflect.Type{reflect.TypeFor[davit.Event](), reflect.TypeFor[api.Live](), reflect.TypeFor[api.LogLine]()} {
		h.OpenAPI().Components.Schemas.Schema(t, true, "")
	}
	op := streamed(get("rolloutEvents", "/v1/rollouts/{id}/events", "The events of a rollout, as they come"), "text/event-stream")
	op.Description = "Server-sent events. `journal` carries an Event and has its number as ID; `status` carries a Live, " +
		"after every change and every 100 ms at most, and has no ID; `end` carries the last Live when the rollout has ended and all was sent."
	register(s, h, op, func(ctx context.Context, in *rolloutEventsInput) (*huma.StreamResponse, error) {
		after, err := in.from()
		if err != nil {
			return nil, err
		}
		if _, err := s.Store.Rollout(ctx, in.ID); err != nil {
			return nil, err
		}
		return s.eventStream(in.ID, after), nil
	})
	op = streamed(get("events", "/v1/events", "The events of all rollouts, as they come"), "text/event-stream")
	op.Description = "Server-sent events: `journal` carries an Event and has its number as ID. The stream does not end."
	register(s, h, op, func(_ context.Context, in *Resume) (*huma.StreamResponse, error) {
		after, err := in.from()
		if err != nil {
			return nil, err
		}
		return s.eventStream("", after), nil
	})
	op = streamed(get("logs", placePath+"/logs", "What instances wrote"), "application/x-ndjson")
	op.Description = "One LogLine a line. A stream that fails ends with a line {\"error\": Problem}."
	register(s, h, op, func(_ context.Context, in *logsInput) (*huma.StreamResponse, error) {
		if err := in.namesNoFlag(); err != nil {
			return nil, err
		}
		return s.logStream(in.query()), nil
	})
}

// Resume says where a client wants to go on.
type Resume struct {
	After       int64  `query:"after" minimum:"0" doc:"events after this number"`
	LastEventID string `header:"Last-Event-ID" maxLength:"20" doc:"as after, sent by clients that reconnect; it wins"`
}

func (in *Resume) from() (int64, error) {
	if in.LastEventID == "" {
		return in.After, nil
	}
	after, err := strconv.ParseInt(in.LastEventID, 10, 64)
	if err != nil || after < 0 {
		return 0, &davit.Error{Code: davit.CodeInvalid, Message: "Last-Event-ID is no number of an event"}
	}
	return after, nil
}

type rolloutEventsInput struct {
	RolloutPath
	Resume
}

type logsInput struct {
	Place
	Service string `query:"service" maxLength:"63" doc:"of this service only"`
	Release string `query:"release" maxLength:"160" doc:"of this version or release ID only"`
	Tail    int    `query:"tail" default:"-1" minimum:"-1" maximum:"1000000" doc:"lines from the end of each log; -1 is all"`
	Follow  bool   `query:"follow" doc:"go on as lines come"`
}

func (in *logsInput) query() api.LogQuery {
	return api.LogQuery{
		Application: in.Application, Environment: in.Environment,
		Service: in.Service, Release: in.Release, Tail: in.Tail, Follow: in.Follow,
	}
}

// logStream answers with lines as they come.
func (s *Server) logStream(query api.LogQuery) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		ctx, cancel := s.streamContext(hc.Context())
		defer cancel()
		hc.SetHeader("Content-Type", "application/x-ndjson")
		out := newStreamWriter(hc)
		defer out.close()
		each := func(line api.LogLine) error { return out.line(line) }
		if err := s.Logs(ctx, query, each); err != nil && ctx.Err() == nil {
			_ = out.line(api.LogEnd{Error: s.problem(ctx, "logs", err)}) // a client that is gone is not told
		}
	}}
}

// streamContext ends with the request or when the server stops.
func (s *Server) streamContext(request context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(request)
	stop := context.AfterFunc(s.stopping, cancel)
	return ctx, func() { stop(); cancel() }
}

// line writes a value as one line of JSON.
func (w *streamWriter) line(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.write(append(text, '\n'))
}

func newStreamWriter(hc huma.Context) *streamWriter {
	_, w := humago.Unwrap(hc)
	return &streamWriter{w: w}
}
