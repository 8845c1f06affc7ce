package mesh

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// Dial is a connection that the script holds.
type Dial struct {
	Address string `js:"address"`
	From    string `js:"from"` // a loopback address of this machine to come from
	TLS     *TLS   `js:"tls"`
	Prefix  Bytes  `js:"prefix"`
	Timeout int    `js:"timeout"` // to connect, and of each read and write
}

// Conn is an open connection; what the other side did is in Error and Errno. It ends with the script.
type Conn struct {
	Failure
	Local      string `js:"local"`
	TLSVersion string `js:"tlsVersion"`
	PeerCert   string `js:"peerCert"` // PEM of the other side's leaf

	guard   *Guard
	conn    net.Conn
	timeout time.Duration
}

func (i *instance) dial(d Dial) (*Conn, error) {
	ctx, cancel := limit(i.vu.Context(), d.Timeout)
	defer cancel()
	until, _ := ctx.Deadline()
	out := &Conn{guard: i.guard, timeout: time.Until(until)}
	conn, err := i.open(from(ctx, d.From), d.Address, d.Prefix, d.TLS)
	out.Local = localAddr(conn)
	if err != nil {
		if conn != nil {
			conn.Close()
		}
		return out, failed(err, &out.Failure)
	}
	out.conn = conn
	if secured, ok := conn.(*tls.Conn); ok {
		state := secured.ConnectionState()
		out.TLSVersion = tls.VersionName(state.Version)
		if len(state.PeerCertificates) > 0 {
			out.PeerCert = certificatePEM(state.PeerCertificates[0].Raw)
		}
	}
	return out, nil
}

// Write sends bytes and tells whether they went out.
func (c *Conn) Write(data any) (bool, error) {
	raw, err := toBytes(data)
	if err != nil {
		return false, err
	}
	if err := c.begin(); err != nil {
		return false, err
	}
	_, err = c.conn.Write(raw)
	return err == nil, failed(err, &c.Failure)
}

// Read returns what arrives next, "" at the end or after the timeout: Errno says which.
func (c *Conn) Read() (string, error) {
	if err := c.begin(); err != nil {
		return "", err
	}
	buffer := make([]byte, 64<<10)
	n, err := c.conn.Read(buffer)
	return string(buffer[:n]), failed(err, &c.Failure)
}

// ReadAll reads until the other side closes, or the timeout.
func (c *Conn) ReadAll() (string, error) {
	if err := c.begin(); err != nil {
		return "", err
	}
	raw, err := io.ReadAll(io.LimitReader(c.conn, maxBytes))
	return string(raw), failed(err, &c.Failure)
}

// Close ends the connection.
func (c *Conn) Close() {
	if c.conn != nil {
		c.conn.Close()
	}
}

func (c *Conn) begin() error {
	if c.conn == nil {
		return errors.New("k6/x/mesh: the connection was refused: look at error before using it")
	}
	c.Failure = Failure{}
	if err := c.guard.Count(); err != nil {
		return err
	}
	return c.conn.SetDeadline(time.Now().Add(c.timeout))
}
