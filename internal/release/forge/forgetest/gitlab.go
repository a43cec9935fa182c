package forgetest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
)

func (h *Hub) gitlab(mux *http.ServeMux) {
	mux.HandleFunc("GET /projects/{id}/repository/branches/{branch}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("branch") != "release/1.x" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		answer(w, map[string]any{"name": "release/1.x", "protected": h.Bypass != "", "can_push": h.Bypass != "never"})
	})
	mux.HandleFunc("GET /projects/{id}", func(w http.ResponseWriter, _ *http.Request) {
		level := 20
		if h.MayPush {
			level = 30
		}
		answer(w, map[string]any{"permissions": map[string]any{"project_access": nil, "group_access": map[string]int{"access_level": level}}})
	})
	mux.HandleFunc("GET /projects/{id}/releases/{tag}", func(w http.ResponseWriter, r *http.Request) {
		for _, one := range h.Releases {
			if one["tag_name"] == r.PathValue("tag") {
				answer(w, one)
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
	})
	mux.HandleFunc("POST /projects/{id}/releases", func(w http.ResponseWriter, r *http.Request) {
		one := body(r)
		if h.release(one["tag_name"]) != nil {
			refuse(w, http.StatusConflict, "Release already exists")
			return
		}
		one["_links"] = map[string]string{"self": fmt.Sprintf("%s/release/%d", h.URL, len(h.Releases)+1)}
		h.Releases = append(h.Releases, one)
		w.WriteHeader(http.StatusCreated)
		answer(w, one)
	})
	mux.HandleFunc("PUT /projects/{id}/packages/generic/release/{version}/{name}", func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		h.Uploads[r.PathValue("version")+"/"+r.PathValue("name")] = string(content)
		answer(w, map[string]any{})
	})
	mux.HandleFunc("GET /projects/{id}/merge_requests", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		answer(w, h.selected(map[string]string{"state": query.Get("state"), "source_branch": query.Get("source_branch"), "target_branch": query.Get("target_branch")}))
	})
	mux.HandleFunc("POST /projects/{id}/merge_requests", func(w http.ResponseWriter, r *http.Request) {
		one := body(r)
		if len(h.selected(map[string]string{"state": "opened", "source_branch": one["source_branch"].(string)})) > 0 {
			refuse(w, http.StatusConflict, "Another open merge request already exists for this source branch")
			return
		}
		number := len(h.Requests) + 1
		one["iid"], one["web_url"], one["state"] = number, fmt.Sprintf("%s/request/%d", h.URL, number), "opened"
		h.open(w, one)
	})
	mux.HandleFunc("PUT /projects/{id}/merge_requests/{number}", func(w http.ResponseWriter, r *http.Request) {
		one, change := h.request(r.PathValue("number")), body(r)
		if change["state_event"] == "close" {
			one["state"] = "closed"
		}
		delete(change, "state_event")
		maps.Copy(one, change)
		answer(w, one)
	})
}
