package k6

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Progress is how far a run is, as k6's own API has it.
type Progress struct {
	Iterations int64   // done
	Dropped    int64   // that the generator couldn't start in time
	Failed     float64 // share of the requests
	P90        time.Duration
	VUs        int64
}

func (p Progress) String() string {
	text := fmt.Sprintf("%d done, %d at work, p90 %d ms", p.Iterations, p.VUs, p.P90.Milliseconds())
	if p.Failed > 0 {
		text += fmt.Sprintf(", %.1f %% failed", 100*p.Failed)
	}
	if p.Dropped > 0 {
		text += fmt.Sprintf(", %d dropped", p.Dropped)
	}
	return text
}

// freeAddress is one on loopback that nobody listens at.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// follow asks once a second until ctx ends. A k6 that isn't up yet, or any more, is asked again.
func follow(ctx context.Context, address string, hear func(Progress)) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if p, err := askProgress(ctx, address); err == nil {
			hear(p)
		}
	}
}

func askProgress(ctx context.Context, address string) (Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/v1/metrics", nil)
	if err != nil {
		return Progress{}, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return Progress{}, err
	}
	defer res.Body.Close()
	var all struct {
		Data []struct {
			ID         string `json:"id"`
			Attributes struct {
				Sample map[string]float64 `json:"sample"`
			} `json:"attributes"`
		} `json:"data"`
	}
	if err := json.NewDecoder(res.Body).Decode(&all); err != nil {
		return Progress{}, err
	}
	var p Progress
	for _, m := range all.Data {
		sample := m.Attributes.Sample
		switch m.ID {
		case "iterations":
			p.Iterations = int64(sample["count"])
		case "dropped_iterations":
			p.Dropped = int64(sample["count"])
		case "http_req_failed":
			p.Failed = sample["rate"]
		case "http_req_duration":
			p.P90 = time.Duration(sample["p(90)"] * float64(time.Millisecond))
		case "vus":
			p.VUs = int64(sample["value"])
		}
	}
	return p, nil
}
