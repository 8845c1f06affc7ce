package ratelimit

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Redis says how to reach it.
type Redis struct {
	URL          string // redis://[user@]host:port/database, or rediss:// with TLS; never with a password
	PasswordFile string
	CAFile       string // for rediss; "": the system's
}

// Connect returns a client; it dials when it is first used.
func (r Redis) Connect() (*redis.Client, error) {
	opts, err := redis.ParseURL(r.URL)
	if err != nil {
		return nil, errors.New("it is not redis://host:port or rediss://host:port") // the library's error may quote a password
	}
	if opts.Password != "" {
		return nil, errors.New("a password belongs in a file, not in an address")
	}
	if r.PasswordFile != "" {
		password, err := os.ReadFile(r.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("read Redis password: %w", err)
		}
		opts.Password = strings.TrimSpace(string(password))
	}
	if r.CAFile != "" {
		if opts.TLSConfig == nil {
			return nil, errors.New("a CA file is for rediss://")
		}
		pem, err := os.ReadFile(r.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read Redis CA file: %w", err)
		}
		opts.TLSConfig.RootCAs = x509.NewCertPool()
		if !opts.TLSConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("read Redis CA file: no certificate in it")
		}
	}
	if opts.TLSConfig != nil {
		opts.TLSConfig.MinVersion = tls.VersionTLS12
	}
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout, opts.PoolTimeout = askTimeout, askTimeout, askTimeout, askTimeout
	opts.MaxRetries, opts.ContextTimeoutEnabled = -1, true // a second try costs the request another time-out
	opts.ConnMaxIdleTime, opts.DisableIdentity = time.Minute, true
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(opts), nil
}
