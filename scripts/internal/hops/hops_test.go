package hops_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/hops"
)

const scraped = `# TYPE redoubt_server_request_duration_seconds histogram
redoubt_server_request_duration_seconds_bucket{caller="ingestion",code="201",route="POST /v1/authorizations",service="payments",le="0.001"} 60
redoubt_server_request_duration_seconds_bucket{caller="ingestion",code="201",route="POST /v1/authorizations",service="payments",le="0.002"} 100
redoubt_server_request_duration_seconds_bucket{caller="ingestion",code="201",route="POST /v1/authorizations",service="payments",le="+Inf"} 100
redoubt_server_request_duration_seconds_sum{caller="ingestion",code="201",route="POST /v1/authorizations",service="payments"} 0.1
redoubt_server_request_duration_seconds_count{caller="ingestion",code="201",route="POST /v1/authorizations",service="payments"} 100
redoubt_server_request_duration_seconds_bucket{caller="ingestion",code="402",route="POST /v1/authorizations",service="payments",le="0.001"} 0
redoubt_server_request_duration_seconds_bucket{caller="ingestion",code="402",route="POST /v1/authorizations",service="payments",le="0.002"} 2
redoubt_server_request_duration_seconds_bucket{caller="ingestion",code="402",route="POST /v1/authorizations",service="payments",le="+Inf"} 2
redoubt_server_request_duration_seconds_sum{caller="ingestion",code="402",route="POST /v1/authorizations",service="payments"} 0.1
redoubt_server_request_duration_seconds_count{caller="ingestion",code="402",route="POST /v1/authorizations",service="payments"} 2
# TYPE go_goroutines gauge
go_goroutines 7
`

func parse(t *testing.T, text string) hops.Sample {
	t.Helper()
	sample := hops.Sample{}
	require.NoError(t, hops.Parse(strings.NewReader(text), "payments", "payments", sample))
	return sample
}

func TestBetween(t *testing.T) {
	after := parse(t, scraped)
	require.Empty(t, hops.Between(after, after), "nothing happened")

	rows := hops.Between(nil, after)
	require.Len(t, rows, 1, "codes are one row")
	require.Equal(t, "ingestion", rows[0].Caller)
	require.Equal(t, "payments", rows[0].Callee)
	require.EqualValues(t, 102, rows[0].Requests)
	require.EqualValues(t, 2, rows[0].Errors)
	require.InDelta(t, 0.00085, rows[0].P50, 0.00001)

	before := parse(t, strings.NewReplacer("} 60", "} 50", "} 100", "} 60", "} 2", "} 1").Replace(scraped))
	rows = hops.Between(before, after)
	require.EqualValues(t, 41, rows[0].Requests)
	require.EqualValues(t, 1, rows[0].Errors)

	restarted := hops.Between(after, before)
	require.EqualValues(t, 61, restarted[0].Requests, "a restarted process counts from 0")
}

// Replicas are one row; one of them that was restarted meanwhile takes nothing from the other.
func TestBetweenReplicas(t *testing.T) {
	both := func(first, second string) hops.Sample {
		sample := hops.Sample{}
		require.NoError(t, hops.Parse(strings.NewReader(first), "payments", "payments", sample))
		require.NoError(t, hops.Parse(strings.NewReader(second), "payments", "payments.2", sample))
		return sample
	}
	fewer := strings.NewReplacer("} 60", "} 50", "} 100", "} 60", "} 2", "} 1").Replace(scraped)
	rows := hops.Between(nil, both(scraped, fewer))
	require.Len(t, rows, 1)
	require.EqualValues(t, 102+61, rows[0].Requests)
	require.EqualValues(t, 3, rows[0].Errors)

	rows = hops.Between(both(fewer, scraped), both(scraped, fewer))
	require.EqualValues(t, 41+61, rows[0].Requests, "the second counts from 0")
}

func TestQuantile(t *testing.T) {
	h := hops.Histogram{Count: 10, Buckets: []hops.Bucket{{1, 5}, {2, 9}, {math.Inf(1), 10}}}
	require.Zero(t, hops.Quantile(hops.Histogram{}, 0.5))
	require.InDelta(t, 1.0, hops.Quantile(h, 0.5), 1e-9)
	require.InDelta(t, 1.5, hops.Quantile(h, 0.7), 1e-9)
	require.InDelta(t, 2.0, hops.Quantile(h, 0.99), 1e-9, "beyond the last bound")
}

func TestProblems(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)
	running, whole := hops.Expect(top, false), hops.Expect(top, true)
	require.Contains(t, running, hops.Pair{Caller: "ingestion", Callee: "payments"})
	require.Contains(t, running, hops.Pair{Caller: hops.Outside, Callee: "gateway"})
	require.NotContains(t, running, hops.Pair{Caller: "inference", Callee: "modelstore"}, "weights are fetched once")
	require.Contains(t, whole, hops.Pair{Caller: "inference", Callee: "modelstore"})

	require.Len(t, hops.Problems(nil, running), len(running), "silence is no success")
	var rows []hops.Row
	for _, p := range running {
		rows = append(rows, hops.Row{Caller: p.Caller, Callee: p.Callee, Route: "GET /", Requests: 5})
	}
	require.Empty(t, hops.Problems(rows, running))
	rows[0].Errors = 1
	require.Equal(t, []string{"1 of 5 requests failed at outside -> gateway, GET /"}, hops.Problems(rows, running))
}
