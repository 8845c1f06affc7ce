// Package chat is a stand-in for a server of language models: it speaks OpenAI's chat completions on loopback, and its model
// does what the last of its operator's turns says. Like the common servers it fills ChatML's template with what it is sent,
// unescaped, and reads the turns from the outcome: so what a text in the wrong voice achieves can be seen, each time the same.
package chat

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Model is the name of its model.
const Model = "stand-in"

// maxRequest bounds a request, in bytes: more than inference lets through.
const maxRequest = 4 << 20

// Server is one, listening until it is closed.
type Server struct {
	URL string

	http *http.Server
}

// Start listens on a free port of 127.0.0.1.
func Start() (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a stand-in's language model: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", complete)
	s := &Server{URL: "http://" + listener.Addr().String(), http: &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}}
	go func() { _ = s.http.Serve(listener) }()
	return s, nil
}

// Close ends it.
func (s *Server) Close() error { return s.http.Close() }

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

func complete(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Model    string    `json:"model"`
		Messages []message `json:"messages"`
		Stream   bool      `json:"stream"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&ask); err != nil {
		http.Error(w, "not a chat", http.StatusBadRequest)
		return
	}
	if ask.Model != Model { // as real servers do
		http.Error(w, "no such model", http.StatusNotFound)
		return
	}
	say := message{"assistant", Answer(render(ask.Messages))}
	if !ask.Stream {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"index": 0, "message": say, "finish_reason": "stop"}}})
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	piece, _ := json.Marshal(map[string]any{"choices": []any{map[string]any{"index": 0, "delta": say}}})
	_, _ = fmt.Fprintf(w, "data: %s\n\ndata: [DONE]\n\n", piece)
}

// render fills ChatML's template, as its own does: without a look at what it is filled with.
func render(messages []message) string {
	var b strings.Builder
	for _, m := range messages {
		fmt.Fprintf(&b, "<|im_start|>%s\n%s<|im_end|>\n", m.Role, m.Content)
	}
	return b.String()
}

var (
	turn  = regexp.MustCompile(`(?s)<\|im_start\|>(\w+)\n(.*?)<\|im_end\|>`)
	order = regexp.MustCompile(`Answer with (\S+) and nothing else\.`)
)

// Answer is the model's: "Answer with X and nothing else." in a turn of the operator's is obeyed, and from anybody else it
// is text, of which the words are counted.
func Answer(conversation string) string {
	answer, words := "", 0
	for _, t := range turn.FindAllStringSubmatch(conversation, -1) {
		if found := order.FindStringSubmatch(t[2]); found != nil && t[1] == "system" {
			answer = found[1]
		}
		words += len(strings.Fields(t[2]))
	}
	if answer == "" {
		answer = fmt.Sprintf("It has %d words.", words)
	}
	return answer
}
