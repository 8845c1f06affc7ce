package controlplane

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v3"
)

// postgresDrift: roles, databases and what is granted in them, who connects how.
func (p *Plane) postgresDrift(ctx context.Context) ([]Difference, error) {
	found, err := p.roleDrift(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask PostgreSQL: %w", err)
	}
	for _, name := range append(p.databases(), "postgres") {
		more, err := p.grantDrift(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("ask PostgreSQL: database %s: %w", name, err)
		}
		found = append(found, more...)
	}
	more, err := p.accessDrift()
	return append(found, more...), err
}

// roleDrift compares roles, and databases as a whole. A login that Vault made is named after its role there.
func (p *Plane) roleDrift(ctx context.Context) (found []Difference, err error) {
	want := map[string][]string{"postgres": {"BYPASSRLS", "CREATEDB", "CREATEROLE", "LOGIN", "REPLICATION", "SUPERUSER", "WITHOUT END"}}
	leased := map[string][]string{}
	for _, name := range p.databases() {
		app, owner := name+"_app", name+"_owner"
		want[app], want[owner] = nil, nil
		want["vault_"+name] = []string{"CREATEROLE", "LOGIN", "WITHOUT END", "member of " + app + " with ADMIN OPTION", "member of " + owner + " with ADMIN OPTION", "member of pg_signal_backend"}
		leased[name], leased[name+"-migrate"] = []string{"LOGIN", "member of " + app}, []string{"LOGIN", "member of " + owner}
	}
	conn, err := p.superuser(ctx, "postgres")
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	roles, err := look(ctx, conn, "roles-look.sql", func(row pgx.CollectableRow) (r struct {
		name string
		has  []string
	}, err error) {
		return r, row.Scan(&r.name, &r.has)
	})
	if err != nil {
		return nil, err
	}
	add := func(name string, wider bool, says string, mend string) {
		found = append(found, Difference{Server: Postgres, Kind: "role", Name: name, Wider: wider, Found: says, Mend: mend})
	}
	for _, r := range roles {
		may, declared := want[r.name]
		if login := vaultLogin.FindStringSubmatch(r.name); !declared && login != nil {
			if may, declared = leased[login[1]]; p.off(DBLease) {
				may = append([]string{"WITHOUT END"}, may...)
			}
		}
		delete(want, r.name)
		if strings.HasPrefix(r.name, "vault_") { // from PostgreSQL 16 on, who makes a role becomes its member
			r.has = slices.DeleteFunc(r.has, func(what string) bool {
				role, member := strings.CutPrefix(strings.TrimSuffix(what, " with ADMIN OPTION"), "member of ")
				return member && vaultLogin.MatchString(role)
			})
		}
		switch more, less := beyond(r.has, may), beyond(may, r.has); {
		case !declared:
			add(r.name, true, fmt.Sprintf("PostgreSQL has a role %s (%s) that neither we nor Vault made", r.name, strings.Join(r.has, ", ")), "drop it")
		case p.off(DBLease) && len(less) == 1 && less[0] == "WITHOUT END":
			// Made while the control was on.
		case len(more) > 0:
			add(r.name, true, fmt.Sprintf("PostgreSQL's role %s has more than is declared: %s", r.name, strings.Join(more, ", ")), "take it away")
		case len(less) > 0:
			add(r.name, false, fmt.Sprintf("PostgreSQL's role %s lacks: %s", r.name, strings.Join(less, ", ")), "give it back")
		}
	}
	for name := range want {
		add(name, false, "PostgreSQL lacks the role "+name, "restart the lab")
	}
	return p.databaseDrift(ctx, conn, found)
}

// vaultLogin is the name of a login as Vault makes it: see connectDatabase.
var vaultLogin = regexp.MustCompile(`^(.+)-\d+-\w{8}$`)

func (p *Plane) databaseDrift(ctx context.Context, conn *pgx.Conn, found []Difference) ([]Difference, error) {
	rows, err := conn.Query(ctx, "SELECT datname::text FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1') ORDER BY 1")
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range names {
		if !slices.Contains(p.databases(), name) {
			found = append(found, Difference{Server: Postgres, Kind: "database", Name: name, Wider: true,
				Found: fmt.Sprintf("PostgreSQL has a database %s, which no service of topology.yaml owns", name), Mend: "drop it"})
		}
	}
	return found, err
}

type granted struct {
	what, grantee, privilege, owner string
	grantable                       bool
}

// grantDrift compares what is granted inside a database. What migrations haven't made yet isn't missing.
func (p *Plane) grantDrift(ctx context.Context, name string) (found []Difference, err error) {
	conn, err := p.superuser(ctx, name)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	have, err := look(ctx, conn, "look.sql", func(row pgx.CollectableRow) (g granted, err error) {
		return g, row.Scan(&g.what, &g.grantee, &g.privilege, &g.grantable, &g.owner)
	})
	if err != nil {
		return nil, err
	}
	want, err := declaredRights(name)
	if err != nil {
		return nil, err
	}
	add := func(what string, wider bool, says, mend string) {
		found = append(found, Difference{Server: Postgres, Kind: "grant", Name: name + "." + what, Wider: wider, Found: says, Mend: mend})
	}
	seen := map[string]bool{}
	for _, g := range have {
		seen[g.what] = true
		key := g.what + ": " + g.privilege + " to " + g.grantee
		if want[key] && !g.grantable {
			delete(want, key)
			continue
		}
		how := ""
		if g.grantable {
			how = " and may pass it on"
		}
		add(g.what, true, fmt.Sprintf("in database %s, %s has %s on %s%s, which isn't declared", name, g.grantee, g.privilege, g.what, how),
			"revoke it, or declare it in infra/controlplane/postgres/rights.yaml")
	}
	for key := range want {
		if what, right, _ := strings.Cut(key, ": "); seen[what] {
			add(what, false, fmt.Sprintf("in database %s, this is declared and not granted: %s on %s", name, right, what), "apply the migrations again")
		}
	}
	return found, nil
}

// declaredRights are "<what>: <privilege> to <whom>" of a database; of postgres, what comes with it.
func declaredRights(database string) (map[string]bool, error) {
	want := map[string]bool{}
	if database == "postgres" {
		want["schema public: USAGE to PUBLIC"] = true
		return want, nil
	}
	text, err := declared.ReadFile("postgres/rights.yaml")
	if err != nil {
		return nil, err
	}
	var all map[string]map[string][]string
	if err := yaml.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("parse rights.yaml: %w", err)
	}
	app, owner := database+"_app", database+"_owner"
	for what, privileges := range all[database] {
		for _, privilege := range privileges {
			want[what+": "+privilege+" to "+app] = true
		}
	}
	want["schema public: USAGE to "+app] = true
	for _, role := range []string{app, owner, "vault_" + database} {
		want["database "+database+": CONNECT to "+role] = true
	}
	return want, nil
}

// accessDrift compares the files that say who connects how.
func (p *Plane) accessDrift() (found []Difference, err error) {
	for _, name := range []string{"pg_hba.conf", "pg_ident.conf"} {
		want, err := p.renderPostgres(name)
		if err != nil {
			return nil, err
		}
		have, err := os.ReadFile(p.path(Postgres, name))
		if err != nil {
			return nil, err
		}
		if string(have) != want {
			found = append(found, Difference{Server: Postgres, Kind: "access", Name: name, Wider: true,
				Found: "PostgreSQL's " + name + " isn't the declared one: others may connect, or without a password", Mend: "restart the lab"})
		}
	}
	return found, nil
}

// look collects what a declared query finds.
func look[T any](ctx context.Context, conn *pgx.Conn, file string, row pgx.RowToFunc[T]) ([]T, error) {
	query, err := declared.ReadFile("postgres/" + file)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, string(query))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, row)
}

// beyond are those of a that b hasn't.
func beyond(a, b []string) (more []string) {
	for _, one := range a {
		if !slices.Contains(b, one) {
			more = append(more, one)
		}
	}
	return more
}
