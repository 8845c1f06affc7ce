// Package sse writes server-sent events (WHATWG HTML, section 9.2).
package sse

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// writeTimeout is how long a client may leave one event unread.
const writeTimeout = 10 * time.Second

// Writer sends events on one response.
type Writer struct {
	response http.ResponseWriter
	control  *http.ResponseController
}

// Begin sends the response's header: from here on, the status is 200.
func Begin(w http.ResponseWriter) *Writer {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // proxies on the way must not collect the events
	w.WriteHeader(http.StatusOK)
	return &Writer{response: w, control: http.NewResponseController(w)}
}

// Send writes one event and returns when it is on its way. data is encoded as JSON, which has no line breaks.
func (s *Writer) Send(event string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("limit event: %w", err)
	}
	if _, err := fmt.Fprintf(s.response, "event: %s\ndata: %s\n\n", event, text); err != nil {
		return fmt.Errorf("send event: %w", err)
	}
	return s.control.Flush()
}
