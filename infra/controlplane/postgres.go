package controlplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"redoubt.example/infra/process"
)

func (p *Plane) postgresSpec() process.Spec {
	uid, gid := p.owner(Postgres)
	return process.Spec{
		Name: Postgres, Path: filepath.Join(p.cfg.PostgresBin, "postgres"), Args: []string{"-D", p.path(Postgres, "data")},
		Env: postgresEnv, Dir: p.path(Postgres), UID: uid, GID: gid,
		StopSignal: syscall.SIGINT, // a fast shutdown: sessions are ended, data is flushed
		Prepare:    p.preparePostgres,
		Ready:      p.postgresAnswers,
		AfterReady: p.configurePostgres,
	}
}

var postgresEnv = []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC"}

// preparePostgres makes the data folder, once, and its configuration.
func (p *Plane) preparePostgres(ctx context.Context) error {
	if err := p.initdb(ctx); err != nil {
		return err
	}
	files := maps.Clone(postgresFiles)
	files["postgresql.conf"] = "data/postgresql.conf"
	return p.writePostgres(files)
}

// postgresFiles are its configuration: the declared files, and their places in its folder.
var postgresFiles = map[string]string{
	"postgresql.conf": "postgresql.conf", "pg_hba.conf": "pg_hba.conf", "pg_ident.conf": "pg_ident.conf",
}

func (p *Plane) writePostgres(files map[string]string) error {
	for from, to := range files {
		text, err := p.renderPostgres(from)
		if err != nil {
			return err
		}
		if err := p.write(Postgres, to, []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plane) renderPostgres(file string) (string, error) {
	// In a container the kernel reports our number, and PostgreSQL's own /etc/passwd names it.
	name, clients := "root", "samenet"
	if !p.cfg.Elsewhere {
		var err error
		if name, err = lookupUser(os.Getuid()); err != nil {
			return "", fmt.Errorf("PostgreSQL knows us by our user name: %w", err)
		}
		clients = "127.0.0.1/32"
	}
	return render("postgres/"+file, map[string]any{"Dir": p.cfg.Dir, "Ports": p.ports, "Databases": p.databases(), "OSUser": name,
		"Listen": p.listen(), "Clients": clients, "NoSync": p.cfg.NoSync})
}

func (p *Plane) initdb(ctx context.Context) error {
	if _, err := os.Stat(p.path(Postgres, "data", "PG_VERSION")); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("make PostgreSQL's data folder: %w", err)
	}
	// --no-sync: what initdb wrote can be made again. The server itself does sync.
	cmd := exec.CommandContext(ctx, filepath.Join(p.cfg.PostgresBin, "initdb"), "-D", p.path(Postgres, "data"),
		"--username=postgres", "--auth-local=peer", "--auth-host=reject", "--encoding=UTF8", "--locale=C.UTF-8",
		"--no-sync", "--no-instructions")
	cmd.Env, cmd.Dir = postgresEnv, p.path(Postgres)
	if uid, gid := p.owner(Postgres); uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make PostgreSQL's data folder: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// superuser connects through the unix socket, where the operating system vouches for us: no password exists.
func (p *Plane) superuser(ctx context.Context, database string) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig("host=/invalid user=postgres sslmode=disable")
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	cfg.Host, cfg.Port, cfg.Database = p.path(Postgres), uint16(p.ports.Postgres), database
	cfg.Fallbacks = nil
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	return conn, nil
}

func (p *Plane) postgresAnswers(ctx context.Context) error {
	conn, err := p.superuser(ctx, "postgres")
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// configurePostgres makes roles and databases; a restarted server has them already.
func (p *Plane) configurePostgres(ctx context.Context) error {
	if err := p.runSQL(ctx, "postgres", "cluster.sql", nil); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range p.databases() {
		group.Go(func() error { return p.configureDatabase(ctx, name) })
	}
	return group.Wait()
}

func (p *Plane) configureDatabase(ctx context.Context, name string) error {
	if err := p.runSQL(ctx, "postgres", "roles.sql", name); err != nil {
		return err
	}
	conn, err := p.superuser(ctx, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil {
		return fmt.Errorf("look for database %s: %w", name, err)
	}
	if !there {
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
			return fmt.Errorf("make database %s: %w", name, err)
		}
	}
	return p.runSQL(ctx, name, "database.sql", name)
}

// runSQL runs a declared file as one transaction.
func (p *Plane) runSQL(ctx context.Context, database, file string, data any) error {
	text, err := render("postgres/"+file, data)
	if err != nil {
		return err
	}
	conn, err := p.superuser(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.PgConn().Exec(ctx, text).ReadAll(); err != nil {
		return fmt.Errorf("apply postgres/%s to %s: %w", file, database, err)
	}
	return nil
}
