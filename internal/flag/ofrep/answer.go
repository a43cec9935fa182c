package ofrep

import (
	"encoding/json"
	"errors"
	"net/http"
	"unicode/utf8"

	"github.com/davit-dev/davit/internal/flag"
)

var jsonType = []string{"application/json"}

// send answers with JSON.
func send(w http.ResponseWriter, status int, body []byte) {
	w.Header()["Content-Type"] = jsonType
	if status != http.StatusOK {
		w.WriteHeader(status)
	}
	_, _ = w.Write(body) //nolint:gosec // JSON, and said to be; a client that is gone cannot be told
}

// fail answers a request that is about no flag.
func fail(w http.ResponseWriter, status int, details string) {
	body := append([]byte(`{"errorDetails":`), quoted(nil, details)...)
	send(w, status, append(body, '}'))
}

// appendResult appends the protocol's form of an evaluation. metadata is the
// flag's, as JSON.
func appendResult(b []byte, r *flag.Result, metadata []byte) []byte {
	b = quoted(append(b, `{"key":`...), r.Key)
	if r.Error != "" {
		b = quoted(append(b, `,"errorCode":`...), string(r.Error))
		b = quoted(append(b, `,"errorDetails":`...), r.Message)
		return append(b, '}')
	}
	b = quoted(append(b, `,"reason":`...), string(r.Reason))
	if r.Value != nil { // otherwise the application's own default is meant
		b = quoted(append(b, `,"variant":`...), r.Variant)
		b = append(append(b, `,"value":`...), r.Value...)
	}
	if metadata != nil {
		b = append(append(b, `,"metadata":`...), metadata...)
	}
	return append(b, '}')
}

// failure returns the result of a request that could not be evaluated.
func failure(key string, err error) flag.Result {
	r := flag.Result{Key: key, Reason: flag.Failed, Error: flag.General, Message: err.Error()}
	if e, ok := errors.AsType[*flag.ContextError](err); ok {
		r.Error = e.Code
	}
	return r
}

// status returns the HTTP status that tells an error code; 200 without one.
func status(code flag.ErrorCode) int {
	switch code {
	case "":
		return http.StatusOK
	case flag.FlagNotFound:
		return http.StatusNotFound
	default:
		return http.StatusBadRequest
	}
}

// quoted appends a text as JSON.
func quoted(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			text, _ := json.Marshal(s) // a text has a JSON
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
