package controlplane

import (
	"bytes"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"text/template"
)

//go:embed vault consul postgres
var declared embed.FS

// render fills a declared file. Its own delimiters leave Vault's {{name}} alone.
func render(name string, data any) (string, error) { return renderWith(name, data, nil) }

func renderWith(name string, data any, funcs template.FuncMap) (string, error) {
	return edited(nil).render(name, data, funcs)
}

// edited are declared files that say something else, by their names; nil: all as they are declared.
type edited map[string]string

func (e edited) read(name string) (string, error) {
	if text, ok := e[name]; ok {
		return text, nil
	}
	text, err := declared.ReadFile(name)
	return string(text), err
}

func (e edited) render(name string, data any, funcs template.FuncMap) (string, error) {
	text, err := e.read(name)
	if err != nil {
		return "", fmt.Errorf("render: %w", err)
	}
	t, err := template.New(name).Delims("[[", "]]").Funcs(funcs).Option("missingkey=error").Parse(text)
	if err != nil {
		return "", fmt.Errorf("render: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return "", fmt.Errorf("render: %w", err)
	}
	return out.String(), nil
}

// writeFiles makes the servers' folders with their configuration and certificates, each readable by its server
// alone. PostgreSQL's configuration goes into its data folder, which initdb makes: see preparePostgres.
func (p *Plane) writeFiles() error {
	if err := os.MkdirAll(p.cfg.Dir, 0o711); err != nil {
		return fmt.Errorf("make runtime folder: %w", err)
	}
	if err := os.WriteFile(p.CAFile, p.ca.pem, 0o644); err != nil {
		return fmt.Errorf("write lab CA: %w", err)
	}
	for component, names := range map[string][]string{
		Vault:    {"vault"},
		Consul:   {"server.dc1.consul", "consul"}, // the first is what Consul's servers check each other for
		Postgres: {"postgres"},
	} {
		if err := p.makeDir(component, ""); err != nil {
			return err
		}
		cert, key, err := p.ca.issue(names...)
		if err != nil {
			return err
		}
		if err := p.write(component, "tls.crt", cert); err != nil {
			return err
		}
		if err := p.write(component, "tls.key", key); err != nil {
			return err
		}
	}
	for component, dirs := range map[string][]string{Vault: {"data"}, Consul: {"data"}} {
		for _, dir := range dirs {
			if err := p.makeDir(component, dir); err != nil {
				return err
			}
		}
	}
	gossip := make([]byte, 32)
	if _, err := rand.Read(gossip); err != nil {
		return fmt.Errorf("make gossip key: %w", err)
	}
	data := map[string]any{
		"Dir": p.cfg.Dir, "CAFile": p.CAFile, "VaultAddr": p.VaultAddr, "Ports": p.ports, "Listen": p.listen(),
		"GossipKey": base64.StdEncoding.EncodeToString(gossip),
	}
	for component, file := range map[string]string{Vault: "vault/server.hcl", Consul: "consul/server.hcl"} {
		text, err := render(file, data)
		if err != nil {
			return err
		}
		if err := p.write(component, "server.hcl", []byte(text)); err != nil {
			return err
		}
	}
	if p.cfg.Elsewhere { // whoever runs it makes its data folder first, and then finds its configuration beside it
		return p.writePostgres(postgresFiles)
	}
	return nil
}

// listen is the address that servers listen on: this machine's own, or all of a container's.
func (p *Plane) listen() string {
	if p.cfg.Elsewhere {
		return "0.0.0.0"
	}
	return "127.0.0.1"
}

// write puts a file into a server's folder, 0600 and its own from the first byte on.
func (p *Plane) write(component, name string, content []byte) error {
	path := p.path(component, name)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write %s's configuration: %w", component, err)
	}
	defer f.Close()
	if uid, gid := p.owner(component); uid != 0 || gid != 0 {
		if err := f.Chown(uid, gid); err != nil {
			return fmt.Errorf("write %s's configuration: %w", component, err)
		}
	}
	if _, err := f.Write(content); err != nil {
		return fmt.Errorf("write %s's configuration: %w", component, err)
	}
	return f.Close()
}

func (p *Plane) makeDir(component, name string) error {
	path := p.path(component, name)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("make %s's folder: %w", component, err)
	}
	if uid, gid := p.owner(component); uid != 0 || gid != 0 {
		if err := os.Chown(path, uid, gid); err != nil {
			return fmt.Errorf("make %s's folder: %w", component, err)
		}
	}
	return nil
}

func lookupUser(uid int) (string, error) {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return "", err
	}
	return u.Username, nil
}
