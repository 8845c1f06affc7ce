package stack

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/exit"
)

// labSettings are the REDOUBT_* keys that concern the lab itself.
var labSettings = []string{"REDOUBT_UNSAFE_LAB"}

// settings are what the environment says to single services: REDOUBT_INFERENCE_UPSTREAM goes to inference's
// process and to no other. The value of a key ending in _FILE names a file, which the service gets a copy of.
type settings map[string]map[string]string // service -> key -> value

// readSettings sorts the environment's REDOUBT_* keys by service. One that is nobody's is a mistake: said, not ignored.
func readSettings(environ []string, top *topology.Topology) (settings, error) {
	found := settings{}
	for _, line := range environ {
		key, value, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(key, "REDOUBT_") || strings.HasPrefix(key, "REDOUBT_TEST_") || slices.Contains(labSettings, key) {
			continue
		}
		service := ""
		for _, name := range top.Names() {
			if strings.HasPrefix(key, "REDOUBT_"+strings.ToUpper(name)+"_") {
				service = name
			}
		}
		if service == "" {
			return nil, exit.Usagef("%s in the environment is a setting of no service: its name begins with REDOUBT_ and the service's", key)
		}
		if found[service] == nil {
			found[service] = map[string]string{}
		}
		found[service][key] = value
	}
	return found, nil
}

// env returns a service's settings for its process, with its files copied into its folder for its user alone.
func (s settings) env(service, folder string, uid, gid int) ([]string, error) {
	var env []string
	for key, value := range s[service] {
		if strings.HasSuffix(key, "_FILE") {
			own := folder + "/" + strings.ToLower(strings.TrimPrefix(key, "REDOUBT_"))
			if err := copyFor(value, own, uid, gid); err != nil {
				return nil, exit.Usagef("%s: %v", key, err)
			}
			value = own
		}
		env = append(env, key+"="+value)
	}
	slices.Sort(env)
	return env, nil
}

const maxSettingFile = 64 << 10

func copyFor(from, to string, uid, gid int) error {
	info, err := os.Stat(from)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular() || info.Size() > maxSettingFile:
		return fmt.Errorf("%s is no small file", from)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s may be read by others (mode %04o): chmod 0600 it", from, info.Mode().Perm())
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		return err
	}
	if uid == 0 {
		return nil
	}
	return os.Chown(to, uid, gid)
}
