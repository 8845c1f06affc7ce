package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/config"
)

type settings struct {
	config.Workload
	Workers int `env:"WORKERS" envDefault:"4"`
}

// environ sets exactly these REDOUBT_* variables for the test.
func environ(t *testing.T, vars map[string]string) {
	t.Helper()
	for _, kv := range os.Environ() {
		if key, _, _ := strings.Cut(kv, "="); strings.HasPrefix(key, config.Prefix) {
			t.Setenv(key, "") // registers the value's return
			require.NoError(t, os.Unsetenv(key))
		}
	}
	for k, v := range vars {
		t.Setenv(k, v)
	}
}

func good(change map[string]string) map[string]string {
	vars := map[string]string{
		"REDOUBT_WORKLOAD": "payments", "REDOUBT_RUN_DIR": "/tmp/r/payments", "REDOUBT_CA_FILE": "/tmp/r/ca.pem",
		"REDOUBT_CONSUL_HTTP": "127.0.0.1:8501", "REDOUBT_DATABASE": "127.0.0.1:5432",
	}
	for k, v := range change {
		vars[k] = v
	}
	return vars
}

func TestLoadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change map[string]string
		want   string
	}{
		"misspelt key":         {map[string]string{"REDOUBT_WORKRES": "2"}, "unknown setting REDOUBT_WORKRES"},
		"missing name":         {map[string]string{"REDOUBT_WORKLOAD": ""}, "REDOUBT_WORKLOAD"},
		"not a name":           {map[string]string{"REDOUBT_WORKLOAD": "../payments"}, "not a workload's name"},
		"unknown mode":         {map[string]string{"REDOUBT_MODE": "trust-me"}, "trust-me"},
		"relative folder":      {map[string]string{"REDOUBT_RUN_DIR": "run"}, "not an absolute path"},
		"address of no port":   {map[string]string{"REDOUBT_DATABASE": "db"}, "not host:port"},
		"two mistakes":         {map[string]string{"REDOUBT_MODE": "x", "REDOUBT_CA_FILE": "y"}, "REDOUBT_CA_FILE"},
		"delays outside a lab": {map[string]string{"REDOUBT_DELAYS": "app.policy=20us"}, "REDOUBT_DELAYS needs REDOUBT_UNSAFE_LAB=1"},
		"delays of nothing":    {map[string]string{"REDOUBT_DELAYS": "app.magic=20us", "REDOUBT_UNSAFE_LAB": "1"}, "app.magic"},
		"controls off, no lab": {map[string]string{"REDOUBT_CONTROLS_OFF": "app.policy"}, "REDOUBT_CONTROLS_OFF needs REDOUBT_UNSAFE_LAB=1"},
		"not a number":         {map[string]string{"REDOUBT_WORKERS": "many"}, "Workers"},
	} {
		t.Run(name, func(t *testing.T) {
			environ(t, good(c.change))
			var s settings
			err := config.Load(&s)
			require.ErrorContains(t, err, c.want)
			var coded interface{ ExitCode() int }
			require.True(t, errors.As(err, &coded))
			require.Equal(t, 2, coded.ExitCode())
			require.NotContains(t, err.Error(), "\n", "one sentence")
		})
	}
}

func TestLoad(t *testing.T) {
	environ(t, good(nil))
	var s settings
	require.NoError(t, config.Load(&s))
	require.Equal(t, "payments", s.Name)
	require.Equal(t, "sidecar", s.Mode)
	require.Equal(t, 4, s.Workers)
}

func TestSecretsArePrintedByNobody(t *testing.T) {
	type login struct {
		Password config.Secret
		own      config.Secret // fmt calls no methods of such a field
		list     []config.Secret
	}
	secret := config.NewSecret("hunter2")
	s := login{secret, secret, []config.Secret{secret}}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", s.Password, "struct", s)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", s.Password, "struct", s)
	text, err := json.Marshal(s)
	require.NoError(t, err)
	printed := log.String() + string(text)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		printed += fmt.Sprintf(verb, s) + fmt.Sprintf(verb, s.Password) + fmt.Sprintf(verb, &s) + fmt.Sprintf(verb, []any{s, map[string]login{"x": s}})
	}
	require.NotContains(t, printed, "hunter2")
	require.NotContains(t, printed, fmt.Sprintf("%x", "hunter2"))
	require.Equal(t, "hunter2", s.Password.Reveal())
}
