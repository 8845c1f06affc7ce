package main

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"
	"go.yaml.in/yaml/v3"

	"redoubt.example/scripts/internal/containers"
	"redoubt.example/scripts/internal/images"
	"redoubt.example/scripts/internal/tools"
)

// tilt is what a Tiltfile said, by stand-ins for Tilt's functions: https://docs.tilt.dev/api.html.
type tilt struct {
	composed []string            // docker_compose: files, and the text of what is laid over them
	project  string              //
	profiles []string            //
	env      map[string]string   // os.putenv
	services map[string]string   // dc_resource: its label
	local    map[string]resource // local_resource
	built    map[string]build    // custom_build, by the image's name
	waitsFor map[string][]string // resource_deps, by the resource
}

type resource struct {
	cmd, serve, deps []string
	label            string
	started          bool // without being asked
	manual           bool
}

type build struct {
	command string
	deps    []string
	live    []string // "sync <from> <to>", "restart"
}

func words(t *testing.T, list *starlark.List) (all []string) {
	t.Helper()
	for word := range list.Elements() {
		text, ok := starlark.AsString(word)
		require.True(t, ok, "%s isn't a word", word)
		all = append(all, text)
	}
	return all
}

type does func(args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error)

func stand(name string, do does) *starlark.Builtin {
	return starlark.NewBuiltin(name, func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
		return do(args, named)
	})
}

// runTiltfile executes one in Tilt's dialect: loops at the top, names bound again.
func runTiltfile(t *testing.T, file string) *tilt {
	t.Helper()
	said := &tilt{env: map[string]string{}, services: map[string]string{}, local: map[string]resource{}, built: map[string]build{}, waitsFor: map[string][]string{}}
	predeclared := starlark.StringDict{
		"TRIGGER_MODE_MANUAL": starlark.String("manual"),
		"os":                  said.os(),
		"listdir":             stand("listdir", listdir),
		"encode_yaml": stand("encode_yaml", func(args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			return starlark.String(args[0].String()), nil // Starlark's text of a dictionary reads as YAML, but for True and False
		}),
		"docker_compose": stand("docker_compose", said.dockerCompose(t)),
		"dc_resource":    stand("dc_resource", said.dcResource(t)),
		"local_resource": stand("local_resource", said.localResource(t)),
		"custom_build":   stand("custom_build", said.customBuild(t)),
		"sync": stand("sync", func(args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			var from, to string
			err := starlark.UnpackArgs("sync", args, named, "local_path", &from, "remote_path", &to)
			return starlark.String("sync " + from + " " + to), err
		}),
		"restart_container": stand("restart_container", func(args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			return starlark.String("restart"), starlark.UnpackArgs("restart_container", args, named)
		}),
		"link": stand("link", func(args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			var url, name string
			err := starlark.UnpackArgs("link", args, named, "url", &url, "name?", &name)
			require.Regexp(t, `^https?://127\.0\.0\.1:`, url)
			return starlark.None, err
		}),
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	_, err = starlark.ExecFileOptions(&syntax.FileOptions{TopLevelControl: true, GlobalReassign: true}, &starlark.Thread{Name: "Tiltfile"}, "Tiltfile", text, predeclared)
	require.NoError(t, err)
	return said
}

// repo is where the Tiltfile is.
const repo = "../.."

// os is the part of Tilt's module of that name that is used.
func (said *tilt) os() starlark.Value {
	module := func(name string, members starlark.StringDict) starlark.Value {
		return starlarkstruct.FromStringDict(starlark.String(name), members)
	}
	return module("os", starlark.StringDict{
		"putenv": stand("putenv", func(args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			var key, value string
			err := starlark.UnpackArgs("putenv", args, named, "key", &key, "value", &value)
			said.env[key] = value
			return starlark.None, err
		}),
		"path": module("path", starlark.StringDict{"exists": stand("exists", func(args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			var path string
			err := starlark.UnpackArgs("exists", args, named, "path", &path)
			_, missing := os.Stat(filepath.Join(repo, path))
			return starlark.Bool(missing == nil), err
		})}),
	})
}

// listdir names files, not folders, by absolute paths.
func listdir(args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	var folder string
	recursive := false
	if err := starlark.UnpackArgs("listdir", args, named, "directory", &folder, "recursive?", &recursive); err != nil {
		return nil, err
	}
	root, err := filepath.Abs(filepath.Join(repo, folder))
	if err != nil {
		return nil, err
	}
	var files []starlark.Value
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir():
			files = append(files, starlark.String(path))
		case path != root && !recursive:
			return fs.SkipDir
		}
		return nil
	})
	return starlark.NewList(files), err
}

func (said *tilt) dockerCompose(t *testing.T) does {
	return func(args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
		files, profiles := new(starlark.List), new(starlark.List)
		err := starlark.UnpackArgs("docker_compose", args, named, "configPaths", &files, "project_name?", &said.project, "profiles?", &profiles)
		said.composed, said.profiles = words(t, files), words(t, profiles)
		return starlark.None, err
	}
}

func (said *tilt) dcResource(t *testing.T) does {
	return func(args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
		var name string
		labels, links, deps := new(starlark.List), new(starlark.List), new(starlark.List)
		err := starlark.UnpackArgs("dc_resource", args, named, "name", &name, "labels?", &labels, "links?", &links, "resource_deps?", &deps)
		require.NotContains(t, said.services, name, "twice")
		said.services[name], said.waitsFor[name] = strings.Join(words(t, labels), " "), words(t, deps)
		return starlark.None, err
	}
}

func (said *tilt) localResource(t *testing.T) does {
	return func(args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
		var name, mode string
		cmd, serve, deps, labels, waits, ignored := new(starlark.List), new(starlark.List), new(starlark.List), new(starlark.List), new(starlark.List), new(starlark.List)
		env := new(starlark.Dict)
		start, parallel := true, false
		err := starlark.UnpackArgs("local_resource", args, named, "name", &name, "cmd?", &cmd, "serve_cmd?", &serve, "deps?", &deps, "ignore?", &ignored, "labels?", &labels,
			"resource_deps?", &waits, "env?", &env, "auto_init?", &start, "trigger_mode?", &mode, "allow_parallel?", &parallel)
		require.NotContains(t, said.local, name, "twice")
		said.local[name] = resource{cmd: words(t, cmd), serve: words(t, serve), deps: words(t, deps), label: strings.Join(words(t, labels), " "), started: start, manual: mode == "manual"}
		said.waitsFor[name] = words(t, waits)
		return starlark.None, err
	}
}

func (said *tilt) customBuild(t *testing.T) does {
	return func(args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
		var ref, command string
		deps, live := new(starlark.List), new(starlark.List)
		err := starlark.UnpackArgs("custom_build", args, named, "ref", &ref, "command", &command, "deps", &deps, "live_update?", &live)
		said.built[ref] = build{command, words(t, deps), words(t, live)}
		return starlark.None, err
	}
}

type composed struct {
	Services map[string]composedService
}

type composedService struct {
	Image    string
	Profiles []string
}

// TestTiltfile: the services and groups are the compose file's, whatever is waited for exists, and every verb does, too.
func TestTiltfile(t *testing.T) {
	said := runTiltfile(t, "../../Tiltfile")
	text, err := os.ReadFile("../../docker-compose.yml")
	require.NoError(t, err)
	text = regexp.MustCompile(`\$\{[A-Z_]+:-([^}]*)\}`).ReplaceAll(text, []byte("$1")) // as where nobody sets a variable
	var compose composed
	require.NoError(t, yaml.Unmarshal(text, &compose))

	require.Equal(t, "docker-compose.yml", said.composed[0])
	require.Subset(t, containers.Extras(), said.profiles)
	var expected []string
	for name, service := range compose.Services {
		if len(service.Profiles) == 0 || slices.Contains(said.profiles, service.Profiles[0]) {
			expected = append(expected, name)
		}
	}
	slices.Sort(expected)
	require.Equal(t, expected, slices.Sorted(maps.Keys(said.services)), "each service is in a group")
	for name, group := range said.services {
		require.Contains(t, []string{"edge", "services", "control-plane", "observability"}, group, name)
	}
	for name, deps := range said.waitsFor {
		for _, dep := range deps {
			require.True(t, said.services[dep] != "" || said.local[dep].label != "", "%s waits for %s, which is nothing", name, dep)
		}
	}

	t.Run("what is laid over the compose file opens nothing but a program's place", func(t *testing.T) {
		var over struct {
			Services map[string]map[string]any
		}
		require.Len(t, said.composed, 2)
		require.NoError(t, yaml.Unmarshal([]byte(strings.ReplaceAll(said.composed[1], "False", "false")), &over))
		for name, changes := range over.Services {
			require.Contains(t, compose.Services, name)
			require.Equal(t, map[string]any{"read_only": false}, changes, name)
		}
	})
	t.Run("a changed program goes into its containers", func(t *testing.T) { checkLive(t, said, compose) })
	t.Run("buttons", func(t *testing.T) {
		for name, r := range said.local {
			require.NotContains(t, compose.Services, name, "a button and a service of one name")
			if r.label != "buttons" {
				continue
			}
			if len(r.serve) > 0 {
				require.Empty(t, verbProblem(strings.Join(r.serve, " ")), name)
				require.Contains(t, strings.Join(r.serve, " "), "--attach "+said.project)
				continue
			}
			require.False(t, r.started, "%s: a button waits to be pressed", name)
			require.True(t, r.manual, name)
			require.Empty(t, verbProblem(strings.Join(r.cmd, " ")), name)
		}
		wanted := []string{"load", "attack", "bench", "rotate"}
		exercises, err := filepath.Glob(filepath.Join(repo, "threatmodel/exercises/*/exercise.yaml"))
		require.NoError(t, err)
		for _, file := range exercises {
			wanted = append(wanted, "exercise-"+filepath.Base(filepath.Dir(file)))
		}
		for _, name := range wanted {
			require.Contains(t, said.local, name)
		}
	})
}

// checkLive: what is built is what the image holds, built as for release, and goes where the image has it.
func checkLive(t *testing.T, said *tilt, compose composed) {
	for ref, b := range said.built {
		name := path.Base(ref)
		require.True(t, slices.ContainsFunc(slices.Collect(maps.Values(compose.Services)), func(s composedService) bool {
			return strings.HasPrefix(s.Image, ref+":")
		}), "no service has the image %s", ref)
		require.Equal(t, []string{"sync .tilt/" + name + " /" + name, "restart"}, b.live)
		require.Equal(t, []string{".tilt/" + name}, b.deps)
		require.Empty(t, verbProblem(b.command))
		compile := said.local["build-"+name]
		require.Contains(t, images.Ours, compile.cmd[len(compile.cmd)-1], "what is built has an image")
		require.Contains(t, strings.Join(compile.cmd, " "), "-tags "+tools.ReleaseTags+" -o .tilt/"+name)
		for _, dep := range compile.deps {
			info, err := os.Stat(filepath.Join("../..", dep))
			require.NoError(t, err)
			require.True(t, info.IsDir(), dep)
		}
	}
	for service, s := range compose.Services {
		ref, _, _ := strings.Cut(s.Image, ":")
		_, live := said.built[ref]
		require.Equal(t, live, len(said.waitsFor[service]) > 0 || strings.HasSuffix(service, "-migrate") || strings.HasSuffix(service, "-publish"), service)
	}
}
