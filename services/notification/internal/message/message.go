// Package message is the in-app inbox: what happened, told to the principal whom it concerns.
package message

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

// What a message may hold.
const (
	MaxSubject = 200      // characters
	MaxData    = 32 << 10 // bytes of JSON
)

var kindForm = regexp.MustCompile(`^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*$`)

// Message is one entry of somebody's inbox.
type Message struct {
	ID        uuid.UUID // UUIDv7: sorts by time
	Recipient string    // a principal
	Kind      string    // what happened, "document.created"
	Subject   string
	Data      json.RawMessage // a JSON object
	RequestID string          // of the request that caused it
	CreatedAt time.Time
}

// Draft is what the sender of a message decides.
type Draft struct {
	Recipient, Kind, Subject string
	Data                     json.RawMessage // a JSON object, or nothing
}

// New checks a draft and makes a message of it, or fault.Unprocessable.
func New(ctx context.Context, d Draft) (Message, error) {
	data, err := object(d.Data)
	switch {
	case err != nil:
		return Message{}, err
	case d.Recipient == "" || len(d.Recipient) > 200 || !oneLine(d.Recipient):
		return Message{}, fault.New(fault.Unprocessable, "the recipient is not a principal's name")
	case CheckKind(d.Kind) != nil:
		return Message{}, CheckKind(d.Kind)
	case d.Subject == "" || utf8.RuneCountInString(d.Subject) > MaxSubject || !oneLine(d.Subject):
		return Message{}, fault.New(fault.Unprocessable, "the subject must have 1 to %d characters on one line", MaxSubject)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Message{}, fault.Wrap(fault.Internal, err, "internal error")
	}
	return Message{
		ID: id, Recipient: d.Recipient, Kind: d.Kind, Subject: d.Subject, Data: data,
		// As precise as the database keeps it, so that what is read back is what was answered.
		RequestID: telemetry.RequestID(ctx), CreatedAt: time.Now().UTC().Truncate(time.Microsecond),
	}, nil
}

// CheckKind accepts words joined by dots, such as "document.created"; else fault.Unprocessable.
func CheckKind(kind string) error {
	if len(kind) > 64 || !kindForm.MatchString(kind) {
		return fault.New(fault.Unprocessable, "a kind is lower-case words joined by dots, such as document.created")
	}
	return nil
}

// object accepts one JSON object and returns it without white space.
func object(data json.RawMessage) (json.RawMessage, error) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 || string(data) == "null" {
		return json.RawMessage("{}"), nil
	}
	var compact bytes.Buffer
	// The database takes UTF-8 only; Go's decoder would let other bytes through.
	if data[0] != '{' || !utf8.Valid(data) || json.Compact(&compact, data) != nil {
		return nil, fault.New(fault.Unprocessable, "data must be a JSON object")
	}
	if compact.Len() > MaxData {
		return nil, fault.New(fault.TooLarge, "data is larger than %d bytes", MaxData)
	}
	return compact.Bytes(), nil
}

func oneLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
