package control

import (
	"context"
	"net/http"
)

// OperatorIssuer is a Lab whose operator may act by hand in Consul and Vault.
type OperatorIssuer interface {
	// OperatorDocument is the operator's identity document for "consul" or "vault": good for two minutes, to log in with.
	OperatorDocument(ctx context.Context, server string) (string, error)
}

type documentRequest struct {
	Server string `json:"server"`
}

type documentReply struct {
	Document string `json:"document"`
}

// OperatorDocument is OperatorIssuer's.
func (c *Client) OperatorDocument(ctx context.Context, server string) (string, error) {
	var got documentReply
	err := c.call(ctx, http.MethodPost, "/v1/operator", documentRequest{server}, &got)
	return got.Document, err
}

func handleOperator(mux *http.ServeMux, i OperatorIssuer) {
	mux.HandleFunc("POST /v1/operator", withBody(func(ctx context.Context, ask documentRequest) (any, error) {
		document, err := i.OperatorDocument(ctx, ask.Server)
		return documentReply{document}, err
	}))
}
