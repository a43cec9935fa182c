package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/davit-dev/davit"
)

const (
	ofrepPrefix = "/ofrep/"
	flagsPrefix = "/v1/flags/"
	keyPrefix   = "davit_" // of access keys
)

// admit lets requests through that show an access key, as far as one goes; a
// listener's own guard judges all others.
func (s *Server) admit(guarded http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, ofrepPrefix) && s.OFREP != nil:
			s.ofrep(w, r)
		case strings.HasPrefix(r.URL.Path, flagsPrefix) && s.Grant != nil:
			if key := s.accessKey(r); key != nil && !crossSite(r) {
				ctx := context.WithValue(withActor(r.Context(), "key "+key.Name), scopeKey{}, key)
				s.handler.ServeHTTP(w, r.WithContext(ctx))
				return
			}
			guarded.ServeHTTP(w, r)
		default:
			guarded.ServeHTTP(w, r)
		}
	})
}

// ofrep hands a request over; streams end when the server stops.
func (s *Server) ofrep(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		ctx, cancel := s.streamContext(r.Context())
		defer cancel()
		r = r.WithContext(ctx)
	}
	s.OFREP.ServeHTTP(w, r)
}

// accessKey returns what the access key of a request allows; nil when it has none
// that is known.
func (s *Server) accessKey(r *http.Request) *davit.AccessKey {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || !strings.HasPrefix(token, keyPrefix) {
		return nil
	}
	return s.Grant(token)
}

type scopeKey struct{}

// scope returns the access key that a request about flags of an application was
// made with; nil when it was made by somebody who may do everything. It refuses
// what the key does not go for.
func scope(ctx context.Context, application string, kinds ...davit.AccessKeyKind) (*davit.AccessKey, error) {
	key, _ := ctx.Value(scopeKey{}).(*davit.AccessKey)
	if key == nil {
		return nil, nil
	}
	for _, kind := range kinds {
		if key.Kind == kind && key.Application == application {
			return key, nil
		}
	}
	return nil, &davit.Error{
		Code: davit.CodeRefused, Message: "the key " + key.Name + " does not go for that: it is a " + string(key.Kind) + " key of " + key.Application,
		Hint: "davit flag key list tells the keys, and what they are for",
	}
}

// visible returns a record as a key may see it: with what is said about its own
// environment.
func visible(record *davit.FlagRecord, key *davit.AccessKey) davit.FlagRecord {
	r := *record
	if key == nil {
		return r
	}
	settings, there := r.Flag.Environments[key.Environment]
	r.Flag.Environments = nil
	if there {
		r.Flag.Environments = map[string]davit.FlagSettings{key.Environment: settings}
	}
	return r
}
