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

// sharedSettings are each service's: one place to say where traces and metrics go.
var sharedSettings = []string{"REDOUBT_OTLP_ENDPOINT", "REDOUBT_TRACE_SAMPLE"}

// labLimits are the rate limits of a lab: all of its users come from one address, and a benchmark is to measure the
// platform, not its limit. Whoever wants others says so: REDOUBT_GATEWAY_LIMIT_ADDRESS=200/1s.
var labLimits = []string{
	"REDOUBT_GATEWAY_LIMIT_ADDRESS=20000/1s",
	"REDOUBT_GATEWAY_LIMIT_PRINCIPAL=20000/1s",
	"REDOUBT_GATEWAY_LIMIT_ROUTE=20000/1s",
	"REDOUBT_GATEWAY_LIMIT_COST=268435456/1s",
}

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
		if slices.Contains(sharedSettings, key) {
			for _, name := range top.Names() {
				found.set(name, key, value)
			}
			continue
		}
		service := ""
		if strings.HasPrefix(key, "REDOUBT_REDIS_") { // where rate limits are shared, by the name that deployments know
			service = gateway
		}
		for _, name := range top.Names() {
			if strings.HasPrefix(key, "REDOUBT_"+strings.ToUpper(name)+"_") {
				service = name
			}
		}
		if service == "" {
			return nil, exit.Usagef("%s in the environment is a setting of no service: its name begins with REDOUBT_ and the service's", key)
		}
		found.set(service, key, value)
	}
	return found, nil
}

func (s settings) set(service, key, value string) {
	if s[service] == nil {
		s[service] = map[string]string{}
	}
	s[service][key] = value
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
