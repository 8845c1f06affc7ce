package webhook

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"redoubt.example/services/notification/internal/message"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// MaxEndpoints bounds how many endpoints one principal may have: each message fans out to all of them.
const MaxEndpoints = 5

const maxEvents = 20

// AllEvents, among an endpoint's events, stands for every kind of message.
const AllEvents = "*"

// Endpoint is where a principal wants its messages delivered.
type Endpoint struct {
	ID        uuid.UUID
	Owner     string
	URL       string
	Events    []string // kinds of messages, or AllEvents
	Sealed    string   // the secret, encrypted with the ID as associated data
	CreatedAt time.Time
}

// EndpointStore keeps endpoints.
type EndpointStore interface {
	// AddEndpoint stores an endpoint, or returns fault.Conflict when its owner has max of them already.
	AddEndpoint(ctx context.Context, e Endpoint, max int) error
	Endpoints(ctx context.Context, owner string) ([]Endpoint, error)
	// Endpoint returns an endpoint, whosever it is, or fault.NotFound.
	Endpoint(ctx context.Context, id uuid.UUID) (Endpoint, error)
	// DeleteEndpoint deletes an owner's endpoint with its pending deliveries, or returns fault.NotFound.
	DeleteEndpoint(ctx context.Context, owner string, id uuid.UUID) error
}

// Endpoints manages the endpoints of principals.
type Endpoints struct {
	EndpointStore
	Targets Targets
	Sealer  Sealer
}

// Create makes an endpoint for owner. Its secret is returned here and never again.
func (e Endpoints) Create(ctx context.Context, owner, url string, events []string) (Endpoint, Secret, error) {
	if err := e.Targets.CheckURL(url); err != nil {
		controls.Record(ctx, controls.AppWebhookSSRF, controls.Deny, err.Error())
		return Endpoint{}, Secret{}, fault.New(fault.Unprocessable, "%s", err)
	}
	events, err := checkEvents(events)
	if err != nil {
		return Endpoint{}, Secret{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Endpoint{}, Secret{}, fault.Wrap(fault.Internal, err, "internal error")
	}
	secret := NewSecret()
	sealed, err := e.Sealer.Encrypt(ctx, []byte(secret.Reveal()), associatedWith(id))
	if err != nil {
		return Endpoint{}, Secret{}, fault.Wrap(fault.Unavailable, err, "secrets can't be stored at the moment")
	}
	endpoint := Endpoint{ID: id, Owner: owner, URL: url, Events: events, Sealed: sealed, CreatedAt: time.Now().UTC().Truncate(time.Microsecond)}
	return endpoint, secret, e.AddEndpoint(ctx, endpoint, MaxEndpoints)
}

func checkEvents(events []string) ([]string, error) {
	if len(events) == 0 || len(events) > maxEvents {
		return nil, fault.New(fault.Unprocessable, "events must list 1 to %d kinds, or %q for all", maxEvents, AllEvents)
	}
	for _, kind := range events {
		if kind == AllEvents {
			return []string{AllEvents}, nil
		}
		if err := message.CheckKind(kind); err != nil {
			return nil, err
		}
	}
	events = slices.Clone(events)
	slices.Sort(events)
	return slices.Compact(events), nil
}

func associatedWith(endpoint uuid.UUID) []byte { return []byte(endpoint.String()) }

// open decrypts an endpoint's secret.
func open(ctx context.Context, sealer Sealer, sealed string, associated []byte) (Secret, error) {
	plain, err := sealer.Decrypt(ctx, sealed, associated)
	if err != nil {
		return Secret{}, err
	}
	secret, err := ParseSecret(string(plain))
	if err != nil {
		return Secret{}, errors.Join(errors.New("open sealed secret"), err)
	}
	return secret, nil
}
