package forgetest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
)

func (h *Hub) github(mux *http.ServeMux) {
	mux.HandleFunc("GET /repos/o/r", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"permissions": map[string]bool{"push": h.MayPush}})
	})
	mux.HandleFunc("HEAD /installation/repositories", func(w http.ResponseWriter, _ *http.Request) {
		if !h.App {
			w.WriteHeader(http.StatusForbidden)
		}
	})
	mux.HandleFunc("GET /repos/o/r/rules/branches/{branch}", func(w http.ResponseWriter, r *http.Request) {
		if h.Bypass == "" || r.PathValue("branch") != "release/1.x" {
			answer(w, []any{})
			return
		}
		answer(w, []map[string]any{{"type": "deletion", "ruleset_id": 1}, {"type": "pull_request", "ruleset_id": 2}, {"type": "update", "ruleset_id": 2}})
	})
	mux.HandleFunc("GET /repos/o/r/rulesets/2", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"id": 2, "name": "main", "current_user_can_bypass": h.Bypass})
	})
	mux.HandleFunc("GET /repos/o/r/releases/tags/{tag}", func(w http.ResponseWriter, r *http.Request) {
		for _, one := range h.Releases {
			if one["tag_name"] == r.PathValue("tag") && one["draft"] != true { // drafts are not found by tag
				answer(w, one)
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
		answer(w, map[string]string{"message": "Not Found"})
	})
	mux.HandleFunc("GET /repos/o/r/releases", func(w http.ResponseWriter, _ *http.Request) { answer(w, h.Releases) })
	mux.HandleFunc("POST /repos/o/r/releases", func(w http.ResponseWriter, r *http.Request) {
		one := body(r)
		if was := h.release(one["tag_name"]); was != nil && was["draft"] != true {
			refuse(w, http.StatusUnprocessableEntity, "Validation Failed: already_exists")
			return
		}
		id := len(h.Releases) + 1
		one["id"], one["html_url"], one["assets"] = id, fmt.Sprintf("%s/release/%d", h.URL, id), []any{}
		one["upload_url"] = fmt.Sprintf("%s/upload/%d{?name,label}", h.URL, id)
		h.Releases = append(h.Releases, one)
		w.WriteHeader(http.StatusCreated)
		answer(w, one)
	})
	mux.HandleFunc("PATCH /repos/o/r/releases/{id}", func(w http.ResponseWriter, r *http.Request) {
		one := h.Releases[index(r.PathValue("id"))]
		for key, value := range body(r) {
			one[key] = value
		}
		answer(w, one)
	})
	mux.HandleFunc("POST /upload/{id}", func(w http.ResponseWriter, r *http.Request) {
		one, name := h.Releases[index(r.PathValue("id"))], r.URL.Query().Get("name")
		key := one["tag_name"].(string) + "/" + name
		content, err := io.ReadAll(r.Body)
		if _, there := h.Uploads[key]; there || err != nil {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		h.Uploads[key] = string(content)
		one["assets"] = append(one["assets"].([]any), map[string]any{"id": len(h.Uploads), "name": name, "state": "uploaded", "size": len(content)})
		w.WriteHeader(http.StatusCreated)
		answer(w, map[string]any{})
	})
	mux.HandleFunc("DELETE /repos/o/r/releases/assets/{id}", func(w http.ResponseWriter, _ *http.Request) {
		clear(h.Uploads)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /repos/o/r/pulls", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		answer(w, h.selected(map[string]string{"state": query.Get("state"), "head": strings.TrimPrefix(query.Get("head"), "o:"), "base": query.Get("base")}))
	})
	mux.HandleFunc("POST /repos/o/r/pulls", func(w http.ResponseWriter, r *http.Request) {
		one := body(r)
		if len(h.selected(map[string]string{"state": "open", "head": one["head"].(string)})) > 0 {
			refuse(w, http.StatusUnprocessableEntity, "A pull request already exists")
			return
		}
		number := len(h.Requests) + 1
		one["number"], one["html_url"], one["state"] = number, fmt.Sprintf("%s/request/%d", h.URL, number), "open"
		h.open(w, one)
	})
	mux.HandleFunc("PATCH /repos/o/r/pulls/{number}", func(w http.ResponseWriter, r *http.Request) {
		one := h.request(r.PathValue("number"))
		maps.Copy(one, body(r))
		answer(w, one)
	})
}
