package control

import (
	"context"
	"net/http"

	"redoubt.example/infra/controlplane"
)

// Survey is what a lab is really like, where that isn't what is declared.
type Survey struct {
	Drift     []controlplane.Difference `json:"drift"`
	Listeners []Listener                `json:"listeners"` // that are not declared
	Listening int                       `json:"listening"` // sockets that were looked at; 0 where they can't be
}

// Listener is a socket that others can reach, and that nothing declares.
type Listener struct {
	Protocol  string `json:"protocol"` // tcp, udp, unix
	Address   string `json:"address"`
	Component string `json:"component"` // whose process or user it is
	UID       int    `json:"uid"`       // -1: not known
	PIDs      []int  `json:"pids"`
	Found     string `json:"found"` // in one sentence
}

// Surveyor is a Lab that can be compared with what is declared.
type Surveyor interface {
	Survey(ctx context.Context) (Survey, error)
}

// Survey is Surveyor's.
func (c *Client) Survey(ctx context.Context) (s Survey, err error) {
	return s, c.call(ctx, http.MethodGet, "/v1/survey", nil, &s)
}

func handleSurvey(mux *http.ServeMux, s Surveyor) {
	mux.HandleFunc("GET /v1/survey", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, func(ctx context.Context) (any, error) { return s.Survey(ctx) })
	})
}
