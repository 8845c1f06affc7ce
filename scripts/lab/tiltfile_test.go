package main

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
	"go.yaml.in/yaml/v3"
)

// tilt is what a Tiltfile said, by stand-ins for Tilt's functions: https://docs.tilt.dev/api.html.
type tilt struct {
	composed []string
	services map[string]string   // dc_resource: its label
	buttons  map[string][]string // local_resource: its command
}

func runTiltfile(t *testing.T, path string) tilt {
	t.Helper()
	said := tilt{services: map[string]string{}, buttons: map[string][]string{}}
	words := func(list *starlark.List) (all []string) {
		for word := range list.Elements() {
			text, ok := starlark.AsString(word)
			require.True(t, ok, "%s isn't a word", word)
			all = append(all, text)
		}
		return all
	}
	stand := func(name string, does func(args starlark.Tuple, named []starlark.Tuple) error) *starlark.Builtin {
		return starlark.NewBuiltin(name, func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			return starlark.None, does(args, named)
		})
	}
	predeclared := starlark.StringDict{
		"TRIGGER_MODE_MANUAL": starlark.String("manual"),
		"docker_compose": stand("docker_compose", func(args starlark.Tuple, named []starlark.Tuple) error {
			var file string
			err := starlark.UnpackArgs("docker_compose", args, named, "configPaths", &file)
			said.composed = append(said.composed, file)
			return err
		}),
		"dc_resource": stand("dc_resource", func(args starlark.Tuple, named []starlark.Tuple) error {
			var name string
			labels, links := new(starlark.List), new(starlark.List)
			err := starlark.UnpackArgs("dc_resource", args, named, "name", &name, "labels?", &labels, "links?", &links)
			require.NotContains(t, said.services, name, "twice")
			said.services[name] = strings.Join(words(labels), " ")
			return err
		}),
		"local_resource": stand("local_resource", func(args starlark.Tuple, named []starlark.Tuple) error {
			var name, mode string
			cmd, labels := new(starlark.List), new(starlark.List)
			start := true
			err := starlark.UnpackArgs("local_resource", args, named, "name", &name, "cmd", &cmd, "labels?", &labels, "auto_init?", &start, "trigger_mode?", &mode)
			require.False(t, start, "%s: a button waits to be pressed", name)
			require.Equal(t, "manual", mode, name)
			require.Equal(t, []string{"buttons"}, words(labels), name)
			said.buttons[name] = words(cmd)
			return err
		}),
		"link": stand("link", func(args starlark.Tuple, named []starlark.Tuple) error {
			var url, name string
			err := starlark.UnpackArgs("link", args, named, "url", &url, "name?", &name)
			require.True(t, strings.HasPrefix(url, "https://127.0.0.1:"), url)
			return err
		}),
	}
	// Tilt's dialect: loops at the top, names bound again.
	options := &syntax.FileOptions{TopLevelControl: true, GlobalReassign: true}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = starlark.ExecFileOptions(options, &starlark.Thread{Name: "Tiltfile"}, "Tiltfile", text, predeclared)
	require.NoError(t, err)
	return said
}

func TestTiltfile(t *testing.T) {
	said := runTiltfile(t, "../../Tiltfile")
	require.Equal(t, []string{"docker-compose.yml"}, said.composed)

	text, err := os.ReadFile("../../docker-compose.yml")
	require.NoError(t, err)
	var compose struct{ Services map[string]any }
	require.NoError(t, yaml.Unmarshal(text, &compose))
	require.Equal(t, slices.Sorted(maps.Keys(compose.Services)), slices.Sorted(maps.Keys(said.services)), "each service is in a group")
	for name, group := range said.services {
		require.Contains(t, []string{"edge", "services", "control-plane"}, group, name)
	}
	for name, command := range said.buttons {
		require.NotContains(t, compose.Services, name, "a button and a service of one name")
		require.Empty(t, verbProblem(strings.Join(command, " ")), name)
	}
	require.Subset(t, slices.Collect(maps.Keys(said.buttons)), []string{"load", "attack", "bench"})
}
