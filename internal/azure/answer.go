package azure

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

const (
	answerLimit = 10 * time.Second // for one request
	maxAnswer   = 256 << 10        // bytes of an answer
	maxReason   = 400              // runes of why something was refused
)

// post sends a form and reads an answer in JSON. The secret is what the form proves
// with; neither it nor another token gets into an error.
func (i *Identity) post(ctx context.Context, address string, form url.Values, secret string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	response, err := i.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // nothing is written
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("reading the answer of %s: %w", address, err)
	case len(body) > maxAnswer:
		return fmt.Errorf("%s answered %s with more than %d bytes", address, response.Status, maxAnswer)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s answered %s%s", address, response.Status, reason(body, secret))
	}
	if err := json.Unmarshal(body, into); err != nil {
		// What json says may quote the answer.
		return fmt.Errorf("%s answered %s, and not with the JSON of a token", address, response.Status)
	}
	return nil
}

// reason returns why something was refused, as Entra ID and registries say it, with
// a colon before it; "" when they do not.
func reason(body []byte, secret string) string {
	var refusal struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Errors      []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &refusal) != nil {
		return ""
	}
	if len(refusal.Errors) > 0 {
		refusal.Error, refusal.Description = refusal.Errors[0].Code, refusal.Errors[0].Message
	}
	// What follows the first line are the names of traces.
	description, _, _ := strings.Cut(refusal.Description, "\n")
	words := strings.FieldsFunc(cmp.Or(refusal.Error, "refused")+": "+cmp.Or(description, "no reason is given"), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
	for n, word := range words {
		if strings.Contains(word, secret) || strings.Contains(word, "eyJ") { // as every signed token begins
			words[n] = "(a token)"
		}
	}
	text := []rune(strings.Join(words, " "))
	return ": " + string(text[:min(len(text), maxReason)])
}
