package upstream

import (
	"io"
	"net/http"
	"strings"
	"sync"

	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/servertiming"
)

// calling enters how long each try takes, beneath breaker and retries. For a transaction that wants to know where its time
// goes, the wait ends with the body, and what the upstream says of it in its trailer is entered, too. From
// anybody else's call nothing of the kind is taken.
type calling struct {
	next     http.RoundTripper
	upstream string
}

func (t *calling) RoundTrip(r *http.Request) (*http.Response, error) {
	call := controls.BeginCall(r.Context(), t.upstream)
	resp, err := t.next.RoundTrip(r)
	if err != nil || !authn.WantsTiming(r.Context()) {
		call.End()
		return resp, err
	}
	resp.Body = &timedBody{ReadCloser: resp.Body, end: sync.OnceFunc(func() { call.Answered(timingOf(resp)) })}
	return resp, nil
}

// timingOf is what a response that was read to its end says: in its trailer, or, where it has no body and so no trailer,
// in its header.
func timingOf(resp *http.Response) string {
	values := resp.Trailer.Values(servertiming.Field)
	if len(values) == 0 {
		values = resp.Header.Values(servertiming.Field)
	}
	return strings.Join(values, ", ")
}

// timedBody ends its call when it is read to the end or closed.
type timedBody struct {
	io.ReadCloser
	end func()
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.end()
	}
	return n, err
}

func (b *timedBody) Close() error {
	b.end()
	return b.ReadCloser.Close()
}
