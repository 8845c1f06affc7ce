package openai

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"time"
)

// maxLine bounds one server-sent event: a chunk holds a few tokens.
const maxLine = 64 << 10

// errIdle is why a stream that fell silent was cut.
var errIdle = errors.New("no chunk for too long")

var (
	dataField = []byte("data:")
	doneData  = []byte("[DONE]")
)

// stream calls emit with each piece of the answer. An error of emit is returned as it is.
func (c *Client) stream(parent context.Context, model, input string, emit func(string) error) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	resp, err := c.post(ctx, model, input, true)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media != "text/event-stream" {
		return malformed(fmt.Errorf("content type %q instead of a stream", media))
	}
	idle := time.AfterFunc(c.idle, func() { cancel(errIdle) })
	defer idle.Stop()
	finished, err := events(resp.Body, func(text string) error {
		idle.Stop() // a slow reader on our side is no silence of the server's
		defer idle.Reset(c.idle)
		return emit(text)
	})
	var own *emitError
	switch {
	case errors.As(err, &own):
		return own.error
	case errors.Is(context.Cause(ctx), errIdle):
		return failure(parent, errIdle)
	case errors.Is(err, errMalformed), errors.Is(err, bufio.ErrTooLong):
		return malformed(err)
	case errors.Is(err, errTooLong):
		return tooLong()
	case err != nil:
		return failure(parent, err)
	case !finished:
		return malformed(errors.New("the stream ended before it was finished"))
	}
	return nil
}

var (
	errMalformed = errors.New("malformed chunk")
	errTooLong   = errors.New("answer too long")
)

type emitError struct{ error }

// events reads server-sent events (WHATWG HTML, section 9.2) until [DONE]; false when they ended without it.
func events(body io.Reader, emit func(string) error) (finished bool, err error) {
	lines := bufio.NewScanner(io.LimitReader(body, maxResponse))
	lines.Buffer(make([]byte, 0, 4<<10), maxLine)
	total := 0
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), dataField)
		if !ok { // comments, other fields, and the empty lines between events
			continue
		}
		data = bytes.TrimSpace(data)
		if bytes.Equal(data, doneData) {
			return true, nil
		}
		text, err := delta(data)
		if err != nil {
			return false, err
		}
		if total += len(text); total > maxOutput {
			return false, errTooLong
		}
		if text == "" { // the first chunk has a role only, the last a finish reason
			continue
		}
		if err := emit(text); err != nil {
			return false, &emitError{err}
		}
	}
	return false, lines.Err()
}

func delta(data []byte) (string, error) {
	var chunk struct {
		Choices []struct {
			Delta struct {
				Content string `json:"content"`
			} `json:"delta"`
		} `json:"choices"`
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(data, &chunk); err != nil {
		return "", fmt.Errorf("%w: %d bytes that aren't JSON", errMalformed, len(data))
	}
	if len(chunk.Error) > 0 && !bytes.Equal(chunk.Error, []byte("null")) {
		return "", fmt.Errorf("%w: an error in the stream", errMalformed)
	}
	if len(chunk.Choices) == 0 { // usage, at the end
		return "", nil
	}
	return chunk.Choices[0].Delta.Content, nil
}
