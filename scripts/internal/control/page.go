package control

import (
	"context"
	"net/http"
	"time"
)

// PageLink opens the lab's page once, until it expires.
type PageLink struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires"`
}

// Pager is a Lab with a page.
type Pager interface {
	PageLink(ctx context.Context) (PageLink, error)
}

// PageLink is Pager's.
func (c *Client) PageLink(ctx context.Context) (link PageLink, err error) {
	return link, c.call(ctx, http.MethodPost, "/v1/page", nil, &link)
}

func handlePage(mux *http.ServeMux, p Pager) {
	mux.HandleFunc("POST /v1/page", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, func(ctx context.Context) (any, error) { return p.PageLink(ctx) })
	})
}
