package bench

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	maxEcho     = 64 << 10
	maxDownload = 1 << 30
)

// Echo is the service behind every target: POST / gives the body back, GET /bytes?n= gives n bytes.
func Echo() http.Handler {
	chunk := make([]byte, 256<<10)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEcho))
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(body)
	})
	mux.HandleFunc("GET /bytes", func(w http.ResponseWriter, r *http.Request) {
		left, err := strconv.ParseInt(r.FormValue("n"), 10, 64)
		if err != nil || left < 0 || left > maxDownload {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.FormatInt(left, 10))
		for left > 0 && r.Context().Err() == nil {
			n, err := w.Write(chunk[:min(left, int64(len(chunk)))])
			if err != nil {
				return
			}
			left -= int64(n)
		}
	})
	return mux
}

// EchoServer is Echo as a server with the limits that any server has.
func EchoServer() *http.Server {
	return &http.Server{Handler: Echo(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
}
