package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"redoubt.example/services/platform/config"
)

// serve answers on a socket that only its own user may open: GET /v1/key is the public key, POST /v1/documents issues a
// document to who acts for the platform, PUT /v1/withheld/{workload} has a workload get none until DELETE of the same, GET /readyz
// is for the engine's healthcheck.
func serve(ctx context.Context, socket string, k *keeper, log *slog.Logger) error {
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return &config.Error{Reason: "listen: " + err.Error()}
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return err
	}
	server := &http.Server{Handler: handler(k, log), ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

func handler(k *keeper, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /v1/key", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(k.issuer.PublicKeyPEM()) })
	mux.HandleFunc("POST /v1/documents", func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Subject, Audience string }
		if err := json.NewDecoder(io.LimitReader(r.Body, 4<<10)).Decode(&asked); err != nil {
			http.Error(w, "not a request for a document", http.StatusBadRequest)
			return
		}
		if !issuable(asked.Subject) {
			log.Warn("document refused", "subject", asked.Subject, "audience", asked.Audience)
			http.Error(w, "a workload gets its documents in its own volume, and nowhere else", http.StatusForbidden)
			return
		}
		token, err := k.issuer.Token(asked.Subject, asked.Audience)
		if err != nil {
			http.Error(w, "not issued", http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, token)
	})
	mux.HandleFunc("PUT /v1/withheld/{workload}", order(k.withhold, "documents are withheld", log))
	mux.HandleFunc("DELETE /v1/withheld/{workload}", order(k.give, "documents are given again", log))
	return mux
}

func order(do func(workload string) error, done string, log *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		workload := r.PathValue("workload")
		switch err := do(workload); {
		case errors.Is(err, errUnknown):
			http.Error(w, err.Error(), http.StatusNotFound)
		case err != nil:
			log.Error("order not carried out", "workload", workload, "error", err.Error())
			http.Error(w, "not done", http.StatusInternalServerError)
		default:
			log.Warn(done, "workload", workload)
		}
	}
}

// issuable: whoever may ask here can't become a workload by it.
func issuable(subject string) bool {
	return subject == "operator" || subject == "policy-publisher" || strings.HasPrefix(subject, "user/")
}
