package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"redoubt.example/scripts/internal/exit"
)

// Serve answers on the socket until ctx ends. The socket is there when Serve has called listening.
func Serve(ctx context.Context, socket string, lab Lab, listening func()) error {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	// Before the chmod it lies in a folder where others may pass but not look; connecting takes write permission.
	if err := os.Chmod(socket, 0o600); err != nil {
		return errors.Join(fmt.Errorf("control socket: %w", err), listener.Close())
	}
	server := &http.Server{Handler: Handler(lab), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() {
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(drain) != nil {
			_ = server.Close()
		}
	})
	listening()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("control socket: %w", err)
	}
	return nil
}

// Handler answers what Client asks. What a Lab can't do beyond that interface isn't found.
func Handler(lab Lab) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusOK, lab.Status(r.Context()))
	})
	mux.HandleFunc("POST /v1/components/{name}/stop", func(w http.ResponseWriter, r *http.Request) {
		order(w, r, lab.Hold)
	})
	mux.HandleFunc("POST /v1/components/{name}/start", func(w http.ResponseWriter, r *http.Request) {
		order(w, r, lab.Release)
	})
	mux.HandleFunc("POST /v1/token", func(w http.ResponseWriter, r *http.Request) {
		var ask tokenRequest
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&ask); err != nil {
			fail(w, exit.Usagef("token request: %w", err))
			return
		}
		token, err := lab.BoundToken(r.Context(), ask.User, ask.Scopes, ask.Key)
		if err != nil {
			fail(w, err)
			return
		}
		reply(w, http.StatusOK, tokenReply{token})
	})
	mux.HandleFunc("POST /v1/policy", func(w http.ResponseWriter, r *http.Request) {
		var ask policyRequest
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&ask); err != nil {
			fail(w, exit.Usagef("policy: %w", err))
			return
		}
		revision, err := lab.PublishPolicy(r.Context(), ask.Rules)
		if err != nil {
			fail(w, err)
			return
		}
		reply(w, http.StatusOK, policyReply{revision})
	})
	mux.HandleFunc("POST /v1/mesh/leaves", func(w http.ResponseWriter, r *http.Request) {
		rotate(w, r, lab.RotateLeaves)
	})
	mux.HandleFunc("POST /v1/mesh/ca", func(w http.ResponseWriter, r *http.Request) {
		rotate(w, r, lab.RotateMeshCA)
	})
	if keeper, ok := lab.(SecretKeeper); ok {
		handleSecrets(mux, keeper)
	}
	if switcher, ok := lab.(Switcher); ok {
		handleSwitches(mux, switcher)
	}
	if delayer, ok := lab.(Delayer); ok {
		handleDelays(mux, delayer)
	}
	if sentry, ok := lab.(Sentry); ok {
		handleSentry(mux, sentry)
	}
	if changer, ok := lab.(Changer); ok {
		handleChanges(mux, changer)
	}
	if issuer, ok := lab.(OperatorIssuer); ok {
		handleOperator(mux, issuer)
	}
	if surveyor, ok := lab.(Surveyor); ok {
		handleSurvey(mux, surveyor)
	}
	if responder, ok := lab.(Responder); ok {
		handleResponses(mux, responder)
	}
	if pager, ok := lab.(Pager); ok {
		handlePage(mux, pager)
	}
	mux.HandleFunc("POST /v1/down", func(w http.ResponseWriter, _ *http.Request) {
		lab.Down()
		reply(w, http.StatusAccepted, struct{}{})
	})
	return mux
}

func order(w http.ResponseWriter, r *http.Request, do func(context.Context, string) error) {
	ctx, cancel := context.WithTimeout(r.Context(), orderTimeout)
	defer cancel()
	if err := do(ctx, r.PathValue("name")); err != nil {
		fail(w, err)
		return
	}
	reply(w, http.StatusOK, struct{}{})
}

func rotate(w http.ResponseWriter, r *http.Request, do func(context.Context) (MeshRotation, error)) {
	ctx, cancel := context.WithTimeout(r.Context(), orderTimeout)
	defer cancel()
	done, err := do(ctx)
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, http.StatusOK, done)
}

func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if exit.Code(err) == exit.Usage {
		status = http.StatusBadRequest
	}
	reply(w, status, failure{Code: exit.Code(err), Message: err.Error()})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone: nobody to tell
}
