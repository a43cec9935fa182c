package hook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/davit-dev/davit"
)

// The headers of a post.
const (
	headerID        = "Davit-Hook-Id"
	headerSignature = "Davit-Signature"
)

// post posts the occasion. An answer of 200 to 299 is success; after one that
// says that the request is wrong, no other try is made.
func (r *Runner) post(ctx context.Context, p davit.HookParams, o Occasion, secrets known, out *tail, result *Result) error {
	body, err := json.Marshal(o)
	if err != nil {
		return permanent{err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, secrets.url, bytes.NewReader(body))
	if err != nil {
		return permanent{errors.New(out.hide(err.Error()))}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "davit")
	req.Header.Set(headerID, o.ID)
	if p.Key != "" {
		req.Header.Set(headerSignature, Sign([]byte(secrets.key), r.Now(), body))
	}
	client := http.Client{
		Transport:     r.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return errors.New(out.hide(err.Error()))
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	result.Status = res.StatusCode
	_, _ = io.Copy(out, io.LimitReader(res.Body, outputLimit)) // evidence only; the status decides
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return nil
	case res.StatusCode >= 500, res.StatusCode == http.StatusTooManyRequests, res.StatusCode == http.StatusRequestTimeout:
		return fmt.Errorf("it answered %d", res.StatusCode)
	}
	return permanent{fmt.Errorf("it answered %d", res.StatusCode)}
}

// Sign returns the signature header of a body: "t=SECONDS,v1=HEX", where HEX is
// the HMAC-SHA-256, under the key, of the seconds since 1970, a dot, and the
// body. Who receives it refuses old times, and so replayed posts.
func Sign(key []byte, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(seconds + "."))
	mac.Write(body)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
