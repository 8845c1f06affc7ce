package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The headers of the specification.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// Tolerance is how far a message's time may be from ours, either way.
const Tolerance = 5 * time.Minute

const (
	maxSignatureHeader = 1024
	maxSignatures      = 8 // several while a secret is rotated
)

// What Verify refuses with; for the log, since a sender is told only that it isn't believed.
var (
	ErrUnsigned  = errors.New("missing or malformed signature headers")
	ErrTooOld    = errors.New("timestamp outside the tolerance")
	ErrSignature = errors.New("no signature matches")
)

var (
	// An ID has no dot: it would let id.timestamp.body be cut in another place.
	idForm        = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	timestampForm = regexp.MustCompile(`^[1-9][0-9]{0,11}$`)
)

// Headers are a message's values of the three headers.
type Headers struct{ ID, Timestamp, Signature string }

// Sign returns the headers of a message that is sent at the given time.
func (s Secret) Sign(id string, at time.Time, body []byte) Headers {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	sum := s.mac(id, timestamp, body)
	return Headers{id, timestamp, "v1," + base64.StdEncoding.EncodeToString(sum)}
}

// Verify checks that a message carries a signature made with s, not longer than Tolerance ago. It takes the same
// time wherever a signature differs.
func (s Secret) Verify(h Headers, body []byte, now time.Time) error {
	signatures, err := ParseSignatures(h.Signature)
	if err != nil || !idForm.MatchString(h.ID) || !timestampForm.MatchString(h.Timestamp) {
		return ErrUnsigned
	}
	want := s.mac(h.ID, h.Timestamp, body)
	match := false
	for _, got := range signatures {
		match = hmac.Equal(want, got) || match
	}
	if !match {
		return ErrSignature
	}
	unix, err := strconv.ParseInt(h.Timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(unix, 0)).Abs() > Tolerance {
		return ErrTooOld
	}
	return nil
}

// ParseSignatures reads the signature header, "v1,<base64> v1,<base64>", and returns the HMAC-SHA256 values. Other
// versions, such as v1a, are skipped, as the specification asks; an empty result is an error.
func ParseSignatures(header string) ([][]byte, error) {
	if len(header) > maxSignatureHeader {
		return nil, ErrUnsigned
	}
	parts := strings.Split(header, " ")
	if len(parts) > maxSignatures {
		return nil, ErrUnsigned
	}
	var signatures [][]byte
	for _, part := range parts {
		version, value, ok := strings.Cut(part, ",")
		if !ok || version == "" || value == "" {
			return nil, ErrUnsigned
		}
		if version != "v1" {
			continue
		}
		if strings.ContainsAny(value, "\r\n") { // base64 decoding would skip them
			return nil, ErrUnsigned
		}
		sum, err := base64.StdEncoding.Strict().DecodeString(value)
		if err != nil || len(sum) != sha256.Size {
			return nil, ErrUnsigned
		}
		signatures = append(signatures, sum)
	}
	if len(signatures) == 0 {
		return nil, ErrUnsigned
	}
	return signatures, nil
}

func (s Secret) mac(id, timestamp string, body []byte) []byte {
	h := hmac.New(sha256.New, s.key())
	h.Write([]byte(id + "." + timestamp + "."))
	h.Write(body)
	return h.Sum(nil)
}
