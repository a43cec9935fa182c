package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"
)

// A token is renewed five minutes before it expires, as Microsoft's own clients do,
// or at half of its life when that is short.
const renewBefore = 5 * time.Minute

// longestLife bounds what is believed of a token's life. Azure's live a day at most.
const longestLife = 24 * time.Hour

// maxAssertion bounds what is read of the file with the account's token, in bytes.
const maxAssertion = 64 << 10

// request asks Entra ID for a token, with the account's token as the proof of who
// asks.
func (i *Identity) request(ctx context.Context, scope string) (token, error) {
	if err := i.settings.check(); err != nil {
		return token{}, err
	}
	authority := i.settings.Authority
	if authority == "" {
		authority = publicAuthority
	}
	address, err := url.JoinPath(authority, url.PathEscape(i.settings.Tenant), "oauth2/v2.0/token")
	if err != nil {
		return token{}, fmt.Errorf("%s: %w", authorityVariable, err)
	}
	assertion, err := i.assertion()
	if err != nil {
		return token{}, err
	}
	began := i.now()
	var answer struct {
		Token string      `json:"access_token"`
		Type  string      `json:"token_type"`
		Life  json.Number `json:"expires_in"` // seconds
	}
	err = i.post(ctx, address, url.Values{
		"grant_type":            {"client_credentials"},
		"client_id":             {i.settings.ClientID},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
		"scope":                 {scope},
	}, assertion, &answer)
	if err != nil {
		return token{}, err
	}
	seconds, err := answer.Life.Int64()
	if err != nil || seconds <= 0 || answer.Token == "" || !strings.EqualFold(answer.Type, "Bearer") {
		return token{}, fmt.Errorf("%s answered without a bearer token that lasts", address)
	}
	life := time.Duration(min(seconds, int64(longestLife/time.Second))) * time.Second
	return token{answer.Token, began.Add(life - min(renewBefore, life/2)), began.Add(life)}, nil
}

// assertion returns the account's token. It is read anew every time, because the
// cluster puts another one into the file before it expires.
func (i *Identity) assertion() (string, error) {
	file, err := os.Open(i.settings.TokenFile)
	if err != nil {
		return "", fmt.Errorf("reading the account's token: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxAssertion+1))
	if err := errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("reading the account's token: %w", err)
	}
	text := strings.TrimSpace(string(data))
	switch {
	case text == "":
		return "", fmt.Errorf("reading the account's token: %s is empty", i.settings.TokenFile)
	case len(data) > maxAssertion:
		return "", fmt.Errorf("reading the account's token: %s has more than %d bytes", i.settings.TokenFile, maxAssertion)
	}
	return text, nil
}
