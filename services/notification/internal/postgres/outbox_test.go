package postgres_test

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/notification/internal/message"
	"redoubt.example/services/notification/internal/postgres"
	"redoubt.example/services/notification/internal/webhook"
	"redoubt.example/services/platform/databasetest"
	"redoubt.example/services/platform/fault"
)

func TestMain(m *testing.M) { os.Exit(databasetest.Main(m)) }

// open returns a store on an empty database.
func open(t *testing.T) (store *postgres.Store, app, owner *pgxpool.Pool) {
	app, owner = databasetest.Open(t, "notification", postgres.Migrations)
	for _, table := range []string{"messages", "endpoints", "sources"} {
		_, err := owner.Exec(t.Context(), "SET ROLE notification_owner; TRUNCATE "+table+" CASCADE; RESET ROLE")
		require.NoError(t, err)
	}
	return postgres.New(app), app, owner
}

func endpoint(t *testing.T, s *postgres.Store, owner string, events ...string) webhook.Endpoint {
	id, err := uuid.NewV7()
	require.NoError(t, err)
	e := webhook.Endpoint{ID: id, Owner: owner, URL: "https://hooks.example.com/", Events: events, Sealed: "vault:v1:x", CreatedAt: time.Now()}
	require.NoError(t, s.AddEndpoint(t.Context(), e, webhook.MaxEndpoints))
	return e
}

func add(t *testing.T, s *postgres.Store, recipient, kind string) message.Message {
	m, err := message.New(t.Context(), message.Draft{Recipient: recipient, Kind: kind, Subject: "s", Data: json.RawMessage(`{"a":1}`)})
	require.NoError(t, err)
	require.NoError(t, s.AddMessage(t.Context(), m))
	return m
}

func TestGrantsAreExact(t *testing.T) {
	s, app, _ := open(t)
	endpoint(t, s, "ann", "*")
	add(t, s, "ann", "a")
	for _, sql := range []string{
		"UPDATE messages SET recipient = 'bob'", "DELETE FROM messages", "UPDATE endpoints SET url = 'http://127.0.0.1/'",
		"UPDATE endpoints SET owner = 'bob'", "UPDATE endpoints SET sealed = 'vault:v1:y'", "UPDATE deliveries SET endpoint_id = id",
		"UPDATE delivery_attempts SET status = 200", "DELETE FROM delivery_attempts", "UPDATE sources SET sealed = 'vault:v1:y'", "DELETE FROM sources",
		"UPDATE receipts SET webhook_id = 'x'", "SELECT FROM schema_migrations", "TRUNCATE messages", "DROP TABLE messages", "CREATE TABLE t ()",
		"ALTER TABLE messages ADD x int", "SET ROLE notification_owner", "CREATE TEMPORARY TABLE t ()", "CREATE ROLE r",
	} {
		_, err := app.Exec(t.Context(), sql)
		require.ErrorContains(t, err, "42501", sql)
	}
}

func TestReadableSecretsAreRefused(t *testing.T) {
	s, _, _ := open(t)
	err := s.AddSource(t.Context(), webhook.Source{Name: "bank", Owner: "carol", Sealed: "whsec_AAAA", CreatedAt: time.Now()})
	require.Equal(t, fault.Internal, fault.KindOf(err))
}

func TestNoEndpointTooMany(t *testing.T) {
	s, _, _ := open(t)
	var wg sync.WaitGroup
	refused := make(chan error, 20)
	for range 20 {
		wg.Go(func() {
			id, _ := uuid.NewV7()
			refused <- s.AddEndpoint(t.Context(), webhook.Endpoint{ID: id, Owner: "ann", URL: "https://a/", Events: []string{"*"}, Sealed: "vault:v1:x", CreatedAt: time.Now()}, webhook.MaxEndpoints)
		})
	}
	wg.Wait()
	close(refused)
	made := 0
	for err := range refused {
		if err == nil {
			made++
			continue
		}
		require.Equal(t, fault.Conflict, fault.KindOf(err))
	}
	require.Equal(t, webhook.MaxEndpoints, made)
}

func TestFansOutToThoseWhoWantIt(t *testing.T) {
	s, _, _ := open(t)
	all, some := endpoint(t, s, "ann", "*"), endpoint(t, s, "ann", "a", "b")
	endpoint(t, s, "ann", "c")
	endpoint(t, s, "bob", "*")
	m := add(t, s, "ann", "a")
	claimed, err := s.Claim(t.Context(), 10, 2, time.Minute)
	require.NoError(t, err)
	var to []uuid.UUID
	for _, d := range claimed {
		to = append(to, d.EndpointID)
		require.Equal(t, m.ID, d.Message.ID)
		require.Equal(t, 1, d.Attempt)
		require.JSONEq(t, `{"a":1}`, string(d.Message.Data))
	}
	require.ElementsMatch(t, []uuid.UUID{all.ID, some.ID}, to)
}

// Several processes claim at once: none gets what another has, and an endpoint never more than its bound.
func TestClaimsAreExclusiveAndBounded(t *testing.T) {
	s, _, _ := open(t)
	const endpoints, each, bound = 4, 12, 2
	for i := range endpoints {
		owner := fmt.Sprint("ann", i)
		endpoint(t, s, owner, "*")
		for range each {
			add(t, s, owner, "a")
		}
	}
	var (
		mu       sync.Mutex
		inFlight = map[uuid.UUID]int{}
		attempts = map[uuid.UUID]int{}
		done     int
		wg       sync.WaitGroup
	)
	for range 6 {
		wg.Go(func() {
			for {
				claimed, err := s.Claim(t.Context(), 3, bound, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, d := range claimed {
					attempts[d.ID]++
					if inFlight[d.EndpointID]++; inFlight[d.EndpointID] > bound {
						t.Errorf("%d attempts at once", inFlight[d.EndpointID])
					}
				}
				finished := done == endpoints*each
				mu.Unlock()
				if finished {
					return
				}
				for _, d := range claimed {
					mu.Lock() // before the row says so: another may claim from then on
					inFlight[d.EndpointID]--
					done++
					mu.Unlock()
					if err := s.Settle(t.Context(), d, webhook.Result{Outcome: webhook.Delivered, Status: 200, Reason: "accepted"}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	require.Len(t, attempts, endpoints*each)
	for id, n := range attempts {
		require.Equal(t, 1, n, id)
	}
}

func TestClaimsRunOut(t *testing.T) {
	s, _, owner := open(t)
	endpoint(t, s, "ann", "*")
	add(t, s, "ann", "a")
	claim := func() []webhook.Delivery {
		claimed, err := s.Claim(t.Context(), 10, 2, time.Minute)
		require.NoError(t, err)
		return claimed
	}
	first := claim()
	require.Len(t, first, 1)
	require.Empty(t, claim())
	_, err := owner.Exec(t.Context(), "SET ROLE notification_owner; UPDATE deliveries SET claimed_until = now(), next_attempt_at = now(); RESET ROLE")
	require.NoError(t, err)
	second := claim()
	require.Len(t, second, 1, "the process that had it is gone")
	require.Equal(t, 2, second[0].Attempt, "a crash counts: a message that kills its sender doesn't do so for ever")

	require.NoError(t, s.Settle(t.Context(), first[0], webhook.Result{Outcome: webhook.Failed, Reason: "late"}))
	require.NoError(t, s.Release(t.Context(), first[0]))
	require.NoError(t, s.Settle(t.Context(), second[0], webhook.Result{Outcome: webhook.Retry, Status: 404, Reason: "r", Rejected: true}))
	third := claim()
	require.Len(t, third, 1, "who lost its claim changes nothing")
	require.Equal(t, 1, third[0].Rejections)
	require.NoError(t, s.Release(t.Context(), third[0]))
	var attempts int
	require.NoError(t, owner.QueryRow(t.Context(), "SELECT attempts FROM deliveries").Scan(&attempts))
	require.Equal(t, 2, attempts, "given back: no attempt")
	require.Empty(t, claim(), "but not at once")
}

func TestDeletingAnEndpointEndsItsDeliveries(t *testing.T) {
	s, _, owner := open(t)
	e := endpoint(t, s, "ann", "*")
	add(t, s, "ann", "a")
	claimed, err := s.Claim(t.Context(), 10, 2, time.Minute)
	require.NoError(t, err)
	require.Equal(t, fault.NotFound, fault.KindOf(s.DeleteEndpoint(t.Context(), "bob", e.ID)))
	require.NoError(t, s.DeleteEndpoint(t.Context(), "ann", e.ID))
	require.NoError(t, s.Settle(t.Context(), claimed[0], webhook.Result{Outcome: webhook.Delivered, Status: 200, Reason: "accepted"}))
	var left int
	require.NoError(t, owner.QueryRow(t.Context(), "SELECT count(*) FROM deliveries").Scan(&left))
	require.Zero(t, left)
}

// A webhook that is sent many times at once counts once.
func TestReceivesOnce(t *testing.T) {
	s, _, _ := open(t)
	require.NoError(t, s.AddSource(t.Context(), webhook.Source{Name: "bank", Owner: "carol", Sealed: "vault:v1:x", CreatedAt: time.Now()}))
	var wg sync.WaitGroup
	results := make(chan error, 20)
	for range 20 {
		wg.Go(func() {
			m, err := message.New(t.Context(), message.Draft{Recipient: "carol", Kind: "webhook.bank", Subject: "s"})
			if err == nil {
				err = s.Receive(t.Context(), "bank", "msg_1", m)
			}
			results <- err
		})
	}
	wg.Wait()
	close(results)
	took := 0
	for err := range results {
		if err == nil {
			took++
			continue
		}
		require.Equal(t, fault.Conflict, fault.KindOf(err))
	}
	require.Equal(t, 1, took)
	messages, err := s.Messages(t.Context(), "carol", uuid.Max, 10)
	require.NoError(t, err)
	require.Len(t, messages, 1)
}
