package stack

import (
	"fmt"
	"os"
	"os/user"
	"strconv"

	"redoubt.example/infra/controlplane"
)

// firstUser is the first of the numbers that workloads get: beyond what distributions and adduser hand out, and
// unknown to /etc/passwd, so that nobody can log in as one.
const firstUser = 61000

// Users gives each workload a user of its own when we are root: one that is broken into can't open another's
// sockets or documents. An ordinary user can't, and everything runs as that user.
type Users struct {
	Isolated bool
	ids      map[string][2]int
}

// Of returns the user and group that a workload or server runs as; 0, 0 for our own.
func (u Users) Of(name string) (uid, gid int) {
	id := u.ids[name]
	return id[0], id[1]
}

func assignUsers(instances, jobs []instance) (Users, error) {
	if os.Geteuid() != 0 {
		return Users{}, nil
	}
	u := Users{Isolated: true, ids: map[string][2]int{}}
	names := []string{controlplane.Vault, controlplane.Consul}
	for _, w := range instances {
		names = append(names, w.name)
	}
	for i, name := range names {
		u.ids[name] = [2]int{firstUser + i, firstUser + i}
	}
	for _, job := range jobs { // a job works on its service's files
		u.ids[job.name] = u.ids[job.service]
	}
	postgres, err := postgresUser()
	if err != nil {
		return Users{}, err
	}
	u.ids[controlplane.Postgres] = postgres
	return u, nil
}

// postgresUser: PostgreSQL refuses to run as root, and its initdb wants a user with a name.
func postgresUser() ([2]int, error) {
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(account.Uid)
		gid, gidErr := strconv.Atoi(account.Gid)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return [2]int{uid, gid}, nil
		}
	}
	return [2]int{}, fmt.Errorf("PostgreSQL doesn't run as root, and there is neither a user postgres nor nobody")
}
