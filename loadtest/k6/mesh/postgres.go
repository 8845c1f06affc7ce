package mesh

import (
	"bytes"
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// Postgres is a login and, when that succeeds, one simple query (PostgreSQL's protocol 3.0).
type Postgres struct {
	Address  string `js:"address"`
	TLS      *TLS   `js:"tls"`
	User     string `js:"user"`
	Password string `js:"password"`
	Database string `js:"database"`
	SQL      string `js:"sql"`
	Timeout  int    `js:"timeout"`
}

// Rows is what came back.
type Rows struct {
	Failure
	LoggedIn bool       `js:"loggedIn"`
	SQLState string     `js:"sqlState"` // of a refusal: 28P01, 42501, ...
	Rows     [][]string `js:"rows"`
	Local    string     `js:"local"`
}

func (i *instance) postgres(p Postgres) (*Rows, error) {
	ctx, cancel := limit(i.vu.Context(), p.Timeout)
	defer cancel()
	out := &Rows{}
	conn, err := i.guard.dial(ctx, p.Address)
	if err != nil {
		return out, failed(err, &out.Failure)
	}
	defer conn.Close()
	out.Local = localAddr(conn)
	if until, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(until)
	}
	if p.TLS != nil {
		if conn, err = p.upgrade(ctx, conn); err != nil {
			return out, failed(err, &out.Failure)
		}
	}
	return out, failed(out.talk(conn, p), &out.Failure)
}

// upgrade is SSLRequest: PostgreSQL begins in plaintext.
func (p Postgres) upgrade(ctx context.Context, conn net.Conn) (net.Conn, error) {
	if _, err := conn.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}); err != nil {
		return conn, err
	}
	answer := make([]byte, 1)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return conn, err
	}
	if answer[0] != 'S' {
		return conn, errors.New("the server speaks no TLS")
	}
	config, err := p.TLS.config(p.Address)
	if err != nil {
		return conn, &refusal{err}
	}
	secured := tls.Client(conn, config)
	return secured, secured.HandshakeContext(ctx)
}

func (r *Rows) talk(conn net.Conn, p Postgres) error {
	start := []byte{0, 3, 0, 0}
	for _, text := range []string{"user", p.User, "database", p.Database} {
		start = append(append(start, text...), 0)
	}
	if err := send(conn, 0, append(start, 0)); err != nil {
		return err
	}
	var login *scram
	for {
		kind, body, err := receive(conn)
		if err != nil {
			return err
		}
		switch kind {
		case 'E':
			return r.refused(body)
		case 'R':
			if login, err = authenticate(conn, body, login, p.Password); err != nil {
				return err
			}
		case 'Z':
			if r.LoggedIn { // the query's end
				return nil
			}
			r.LoggedIn = true
			if p.SQL == "" {
				return nil
			}
			if err := send(conn, 'Q', append([]byte(p.SQL), 0)); err != nil {
				return err
			}
		case 'D':
			r.Rows = append(r.Rows, row(body))
		}
	}
}

// authenticate answers the server's requests: 10 SASL, 11 continue, 12 final, 0 done, 3 the password in clear.
func authenticate(conn net.Conn, body []byte, login *scram, password string) (*scram, error) {
	switch binary.BigEndian.Uint32(body) {
	case 0, 12:
		return login, nil
	case 3:
		return login, send(conn, 'p', append([]byte(password), 0))
	case 10:
		nonce := make([]byte, 18)
		if _, err := rand.Read(nonce); err != nil {
			return nil, err
		}
		login = &scram{password: password, first: "n=,r=" + base64.StdEncoding.EncodeToString(nonce)}
		first := "n,," + login.first
		out := append([]byte("SCRAM-SHA-256"), 0)
		out = binary.BigEndian.AppendUint32(out, uint32(len(first))) //nolint:gosec // short
		return login, send(conn, 'p', append(out, first...))
	case 11:
		final, err := login.final(string(body[4:]))
		if err != nil {
			return nil, err
		}
		return login, send(conn, 'p', []byte(final))
	}
	return nil, fmt.Errorf("the server asks for authentication %d", binary.BigEndian.Uint32(body))
}

// scram is SCRAM-SHA-256 (RFC 7677), the client's side.
type scram struct{ password, first string }

func (s *scram) final(server string) (string, error) {
	given := map[string]string{}
	for _, field := range strings.Split(server, ",") {
		key, value, _ := strings.Cut(field, "=")
		given[key] = value
	}
	salt, err := base64.StdEncoding.DecodeString(given["s"])
	if err != nil {
		return "", err
	}
	rounds, err := strconv.Atoi(given["i"])
	if err != nil {
		return "", err
	}
	salted, err := pbkdf2.Key(sha256.New, s.password, salt, min(rounds, 1<<20), sha256.Size)
	if err != nil {
		return "", err
	}
	client := mac(sha256.New, salted, []byte("Client Key"))
	stored := sha256.Sum256(client)
	bare := "c=biws,r=" + given["r"]
	proof := mac(sha256.New, stored[:], []byte(s.first+","+server+","+bare))
	for n := range proof {
		proof[n] ^= client[n]
	}
	return bare + ",p=" + base64.StdEncoding.EncodeToString(proof), nil
}

func send(conn net.Conn, kind byte, body []byte) error {
	var out []byte
	if kind != 0 {
		out = append(out, kind)
	}
	out = binary.BigEndian.AppendUint32(out, uint32(len(body)+4)) //nolint:gosec // short
	_, err := conn.Write(append(out, body...))
	return err
}

func receive(conn net.Conn) (kind byte, body []byte, err error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(conn, head); err != nil {
		return 0, nil, err
	}
	length := int(binary.BigEndian.Uint32(head[1:])) - 4
	if length < 0 || length > maxBytes {
		return 0, nil, fmt.Errorf("a message of %d bytes", length)
	}
	body = make([]byte, length)
	_, err = io.ReadFull(conn, body)
	return head[0], body, err
}

func (r *Rows) refused(body []byte) error {
	text := ""
	for _, field := range bytes.Split(body, []byte{0}) {
		if len(field) > 1 && field[0] == 'C' {
			r.SQLState = string(field[1:])
		}
		if len(field) > 1 && field[0] == 'M' {
			text = string(field[1:])
		}
	}
	return errors.New(text)
}

func row(body []byte) []string {
	if len(body) < 2 {
		return nil
	}
	columns := make([]string, 0, binary.BigEndian.Uint16(body))
	for rest := body[2:]; len(rest) >= 4; {
		length := int32(binary.BigEndian.Uint32(rest)) //nolint:gosec // -1 is NULL
		rest = rest[4:]
		if length < 0 || int(length) > len(rest) {
			columns = append(columns, "")
			continue
		}
		columns = append(columns, string(rest[:length]))
		rest = rest[length:]
	}
	return columns
}
