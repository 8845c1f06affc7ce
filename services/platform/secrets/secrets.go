// Package secrets: signatures only, until the real files arrive; they replace this one.
package secrets

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"

	"github.com/jackc/pgx/v5/pgxpool"
)

type Config struct {
	Addr, CAFile, JWTFile, Role string
	Log                         *slog.Logger
}

type DatabaseConfig struct{ Addr, CAFile, Name, Role string }

type Vault struct{}

type Transit struct{}

type CertificateSource struct{}

var errNotYet = errors.New("secrets: not built in")

func Login(context.Context, Config) (*Vault, error)                            { return nil, errNotYet }
func (*Vault) Close(context.Context) error                                     { return nil }
func (*Vault) Ready() error                                                    { return errNotYet }
func (*Vault) Database(context.Context, DatabaseConfig) (*pgxpool.Pool, error) { return nil, errNotYet }
func (*Vault) Transit(string) *Transit                                         { return nil }
func (*Vault) ServerCertificate(context.Context, string, string, []string, []net.IP) (*CertificateSource, error) {
	return nil, errNotYet
}
func (*Transit) Encrypt(context.Context, []byte, []byte) (string, error)      { return "", errNotYet }
func (*Transit) Decrypt(context.Context, string, []byte) ([]byte, error)      { return nil, errNotYet }
func (*Transit) Sign(context.Context, []byte) ([]byte, int, error)            { return nil, 0, errNotYet }
func (*Transit) PublicKey(context.Context) (map[int]ed25519.PublicKey, error) { return nil, errNotYet }
func (*CertificateSource) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return nil, errNotYet
}
