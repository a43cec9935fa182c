package hook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// secretKey is the value of every secret of these tests.
const secretKey = "hunter2-do-not-tell"

func newRunner() *Runner {
	return &Runner{
		Secrets: func(references map[string]string) (map[string]string, error) {
			values := map[string]string{}
			for name, reference := range references {
				if url, ok := strings.CutPrefix(reference, "env:URL="); ok {
					values[name] = url
					continue
				}
				values[name] = secretKey
			}
			return values, nil
		},
		Lookup: os.LookupEnv, Now: time.Now, Transport: http.DefaultTransport,
	}
}

var anOccasion = Occasion{
	ID: "r1.3.migrate", Hook: "migrate", Stage: "hook migrate before switch", Application: "shop", Environment: "staging", Rollout: "r1",
	Kind: davit.KindDeploy, Phase: davit.Running, Release: "v2-b", Stable: "v1-a", Actor: "uid 1 (anna)", Reason: "new\x00 basket",
}

func shell(t *testing.T, script string) davit.HookParams {
	t.Helper()
	return davit.HookParams{Hook: "migrate", Run: []string{"sh", "-c", script}, Dir: t.TempDir(), Timeout: davit.Duration(time.Minute)}
}

func TestCommandIsToldTheOccasion(t *testing.T) {
	p := shell(t, `echo "$DAVIT_HOOK_ID $DAVIT_VERSION after $DAVIT_STABLE_VERSION by $DAVIT_ACTOR: $DAVIT_REASON in $PWD, $GREETING $NOT_INHERITED"`)
	p.Env = map[string]string{"GREETING": "hello", "DAVIT_HOOK_ID": "forged"}
	t.Setenv("NOT_INHERITED", "the server's own")
	result, err := newRunner().Run(t.Context(), p, anOccasion)
	if err != nil {
		t.Fatal(err)
	}
	want := "r1.3.migrate v2 after v1 by uid 1 (anna): new basket in " + p.Dir + ", hello \n"
	if result.Output != want || *result.Exit != 0 || result.Tries != 1 || result.ID != anOccasion.ID {
		t.Errorf("got %+v\n%q, want\n%q", result, result.Output, want)
	}
}

func TestCommandFails(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*davit.HookParams)
		err    string
		tries  int
	}{
		"with an exit code":     {func(*davit.HookParams) {}, "exit status 3", 1},
		"in every try":          {func(p *davit.HookParams) { p.Retries = 1 }, "exit status 3", 2},
		"without its folder":    {func(p *davit.HookParams) { p.Dir, p.Retries = "/nonexistent", 3 }, "is not on the server's machine", 1},
		"without its program":   {func(p *davit.HookParams) { p.Run, p.Retries = []string{"no-such-program"}, 3 }, "not on the PATH", 1},
		"without being allowed": {func(p *davit.HookParams) { p.Run = []string{"/dev/null"} }, "permission denied", 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := shell(t, "echo no; exit 3")
			test.change(&p)
			result, err := newRunner().Run(t.Context(), p, anOccasion)
			if err == nil || !strings.Contains(err.Error(), test.err) || result.Tries != test.tries {
				t.Errorf("%v after %d tries, want %q after %d", err, result.Tries, test.err, test.tries)
			}
		})
	}
}

func TestRetryMendsIt(t *testing.T) {
	p := shell(t, `[ -e tried ] && echo "$DAVIT_HOOK_ID" && exit 0; touch tried; exit 1`)
	p.Retries = 1
	result, err := newRunner().Run(t.Context(), p, anOccasion)
	if err != nil || result.Tries != 2 || result.Output != anOccasion.ID+"\n" {
		t.Errorf("%v, %+v", err, result)
	}
}

// TestTimeOutEndsTheWholeGroup lets a command, deaf to SIGTERM, leave a child.
func TestTimeOutEndsTheWholeGroup(t *testing.T) {
	p := shell(t, `trap "" TERM; sleep 600 & echo $! >child; wait; sleep 600`)
	p.Timeout = davit.Duration(300 * time.Millisecond)
	_, err := newRunner().Run(t.Context(), p, anOccasion)
	if err == nil || !strings.Contains(err.Error(), "did not end within 300ms") {
		t.Fatal(err)
	}
	untilGone(t, readPID(t, filepath.Join(p.Dir, "child")))
}

func readPID(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// untilGone waits until a process that was killed has ended.
func untilGone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.After(time.Minute)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if err != nil && syscall.Kill(pid, 0) != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("process %d is still there: %s", pid, stat)
		}
	}
}

// TestChildThatIsLeftBehindDoesNotKeepIt has a child hold the output open.
func TestChildThatIsLeftBehindDoesNotKeepIt(t *testing.T) {
	p := shell(t, `sleep 600 & echo $! >child; echo done`)
	result, err := newRunner().Run(t.Context(), p, anOccasion)
	if err != nil || result.Output != "done\n" {
		t.Errorf("%v, %+v", err, result)
	}
	untilGone(t, readPID(t, filepath.Join(p.Dir, "child")))
}

func TestSecretsAreMasked(t *testing.T) {
	p := shell(t, `echo "the key is $KEY"; echo "$KEY" | head -c 8`)
	p.Secrets = map[string]string{"KEY": "env:KEY"}
	result, err := newRunner().Run(t.Context(), p, anOccasion)
	if err != nil || result.Output != "the key is ***\nhunter2-" { // a part is not the secret
		t.Errorf("%v, %q", err, result.Output)
	}
}

func TestPost(t *testing.T) {
	type request struct {
		header http.Header
		body   []byte
	}
	var got []request
	answers := []int{503, 200}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		status := answers[min(len(got), len(answers)-1)]
		got = append(got, request{r.Header, body})
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "thanks, "+secretKey)
	}))
	defer server.Close()
	p := davit.HookParams{Hook: "tell", Post: "env:URL=" + server.URL + "/token", Key: "env:KEY", Timeout: davit.Duration(time.Minute), Retries: 3}
	result, err := newRunner().Run(t.Context(), p, anOccasion)
	if err != nil || result.Tries != 2 || result.Status != 200 || result.Output != "thanks, ***" {
		t.Fatalf("%v, %+v", err, result)
	}
	var told Occasion
	if err := json.Unmarshal(got[1].body, &told); err != nil || told != anOccasion {
		t.Errorf("told %+v, %v", told, err)
	}
	for _, r := range got {
		if r.header.Get(headerID) != anOccasion.ID {
			t.Errorf("the ID is %q", r.header.Get(headerID))
		}
		seconds, signature, _ := strings.Cut(strings.TrimPrefix(r.header.Get(headerSignature), "t="), ",v1=")
		mac := hmac.New(sha256.New, []byte(secretKey))
		mac.Write([]byte(seconds + "." + string(r.body)))
		if signature != hex.EncodeToString(mac.Sum(nil)) {
			t.Errorf("the signature does not hold: %s", r.header.Get(headerSignature))
		}
	}
}

func TestPostFails(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		err    string
		tries  int
	}{
		"when the request is wrong": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "it answered 404", 1},
		"when it is sent elsewhere": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusTemporaryRedirect) }, "it answered 307", 1},
		"when the server is ill":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "it answered 500", 2},
		"when nobody answers": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body) // the server notices a client that goes when the body was read
			<-r.Context().Done()
		}, "did not end within 200ms", 2},
		"when the connection breaks": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF", 2},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.answer)
			defer server.Close()
			p := davit.HookParams{Hook: "tell", Post: "env:URL=" + server.URL + "/" + secretKey, Key: "env:KEY", Timeout: davit.Duration(time.Minute), Retries: 1}
			if strings.Contains(test.err, "within") {
				p.Timeout = davit.Duration(200 * time.Millisecond)
			}
			result, err := newRunner().Run(t.Context(), p, anOccasion)
			if err == nil || !strings.Contains(err.Error(), test.err) || result.Tries != test.tries {
				t.Errorf("%v after %d tries, want %q after %d", err, result.Tries, test.err, test.tries)
			}
			if strings.Contains(err.Error(), secretKey) || strings.Contains(err.Error(), "/hunter2") {
				t.Errorf("the error tells the secret URL: %v", err)
			}
		})
	}
}

func TestHookThatIsCancelledEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := shell(t, "echo $$ >self; mkfifo never; cat never")
	ended := make(chan error, 1)
	go func() {
		_, err := newRunner().Run(ctx, p, anOccasion)
		ended <- err
	}()
	for deadline := time.Now().Add(time.Minute); ; {
		if text, err := os.ReadFile(filepath.Join(p.Dir, "self")); err == nil && len(text) > 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it never began")
		}
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("a cancelled hook succeeded")
	}
	untilGone(t, readPID(t, filepath.Join(p.Dir, "self")))
}
