package prometheus_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit/internal/prometheus"
)

func TestQuery(t *testing.T) {
	answers := map[string]string{
		"up":      `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},"value":[1.5,"1"]},{"metric":{},"value":[1.5,"+Inf"]}]}}`,
		"none":    `{"status":"success","data":{"resultType":"vector","result":[]}}`,
		"1":       `{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}`,
		"matrix":  `{"status":"success","data":{"resultType":"matrix","result":[]}}`,
		"number":  `{"status":"success","data":{"resultType":"scalar","result":[1,7]}}`,
		"refused": `{"status":"error","error":"parse error"}`,
		"page":    `<html>`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/prom/api/v1/query" || r.URL.Query().Get("time") != "1700000000.250" {
			t.Errorf("asked for %s", r.URL)
		}
		if strings.HasPrefix(answers[r.URL.Query().Get("query")], "<") {
			w.WriteHeader(http.StatusBadGateway)
		}
		fmt.Fprint(w, answers[r.URL.Query().Get("query")])
	}))
	defer server.Close()
	ask := func(query string) ([]prometheus.Sample, error) {
		return prometheus.Query(t.Context(), server.Client(), server.URL+"/prom/", query, time.UnixMilli(1700000000250))
	}
	got, err := ask("up")
	if err != nil || len(got) != 2 || got[0].Value != 1 || !cmp.Equal(got[0].Labels, map[string]string{"__name__": "up", "job": "a"}) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := ask("none"); len(got) != 0 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := ask("1"); len(got) != 1 || got[0].Value != 7 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	for wrong, why := range map[string]string{"matrix": "matrix", "number": "no sample", "refused": "parse error", "page": "502", "nothing": "not a Prometheus"} {
		if _, err := ask(wrong); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// Whatever answers, there are samples or there is an error.
func FuzzParse(f *testing.F) {
	f.Add(`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"le":"0.1"},"value":[1700000000.1,"42"]}]}}`)
	f.Add(`{"status":"success","data":{"resultType":"scalar","result":[1,"NaN"]}}`)
	f.Add(`{"status":"error","errorType":"bad_data","error":"parse error"}`)
	f.Fuzz(func(t *testing.T, body string) {
		if samples, err := prometheus.Parse([]byte(body)); err != nil && samples != nil {
			t.Errorf("%v and %v", samples, err)
		}
	})
}
