package exercise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Honest is a user of the platform who does what he may, at the gateway.
type Honest struct {
	Gateway string
	Client  *http.Client
	Token   string
}

const (
	honestPatience = 20 * time.Second // a service that was just restarted is found within a second or two
	honestPause    = 100 * time.Millisecond
	honestRefused  = 5 * time.Second // rules and programs are in force by then: a refusal that lasts so long is meant
	largestAnswer  = 1 << 20
)

// Use has a webhook, whose secret is sealed, made and taken away, stores a document and reads it back, has a text classified, looks at
// the account, and waits to be notified. It returns the first thing that failed, as a sentence.
func (h Honest) Use(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, honestPatience)
	defer cancel()
	title := fmt.Sprintf("Minutes of %d", time.Now().UnixNano())
	document, err := json.Marshal(map[string]string{"title": title, "text": "The board agreed on Monday to publish the report."})
	if err != nil {
		return err
	}
	var stored, endpoint struct{ ID string }
	for _, step := range []struct {
		method, path, body string
		holds              string // in the answer
		into               any
	}{
		{http.MethodGet, "/v1/account", "", "balance", nil},
		{http.MethodPost, "/v1/webhook-endpoints", `{"url":"https://hooks.example.com/minutes","events":["minutes.archived"]}`, `"secret"`, &endpoint},
		{http.MethodPost, "/v1/documents", string(document), `"id"`, &stored},
		{http.MethodGet, "/v1/documents?limit=20", "", title, nil},
		{http.MethodPost, "/v1/inferences", `{"model":"langid","input":"Guten Morgen, wie geht es Ihnen?"}`, "de", nil},
		{http.MethodGet, "/v1/account/transfers", "", "[", nil},
		{http.MethodGet, "/v1/inbox?limit=20", "", title, nil}, // once the owner was told
	} {
		if err := h.until(ctx, step.method, step.path, step.body, step.holds, step.into); err != nil {
			return unserved(step.method, step.path, err)
		}
	}
	for _, step := range []struct{ method, path, holds string }{
		{http.MethodGet, "/v1/documents/" + stored.ID, title},
		{http.MethodDelete, "/v1/webhook-endpoints/" + endpoint.ID, ""},
	} {
		if err := h.until(ctx, step.method, step.path, "", step.holds, nil); err != nil {
			return unserved(step.method, step.path, err)
		}
	}
	return nil
}

func unserved(method, path string, why error) error {
	return fmt.Errorf("an honest user isn't served: %s %s: %w", method, path, why)
}

// refusal is an answer that says it is the client's fault (RFC 9110, section 15.5).
type refusal int

func (r refusal) Error() string {
	return fmt.Sprintf("the answer is %d %s", int(r), http.StatusText(int(r)))
}

// until asks again and again until the answer is good, or the time is up, or nothing but refusals come.
func (h Honest) until(ctx context.Context, method, path, body, holds string, into any) error {
	served := time.Now() // when it was last not refused
	for {
		err := h.once(ctx, method, path, body, holds, into)
		if err == nil {
			return nil
		}
		if refused := refusal(0); !errors.As(err, &refused) {
			served = time.Now()
		} else if time.Since(served) > honestRefused {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(honestPause):
		}
	}
}

func (h Honest) once(ctx context.Context, method, path, body, holds string, into any) error {
	status, answer, err := h.ask(ctx, method, path, body)
	switch {
	case err != nil:
		return err
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		return refusal(status)
	case status >= http.StatusMultipleChoices:
		return fmt.Errorf("the answer is %d %s", status, http.StatusText(status))
	case !strings.Contains(string(answer), holds):
		return errors.New("the answer hasn't what it should")
	case into != nil:
		return json.Unmarshal(answer, into)
	}
	return nil
}

// ask sends one request.
func (h Honest) ask(ctx context.Context, method, path, body string) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, h.Gateway+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+h.Token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := h.Client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(res.Body, largestAnswer))
	return res.StatusCode, answer, err
}
