package meshbench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"redoubt.example/infra/process"
	"redoubt.example/loadtest/bench"
)

const nginxInstall = "sudo apt-get install nginx libnginx-mod-stream"

// nginxSide is one nginx of the pair, a program of its own as a sidecar is. A's first server resumes sessions, its
// second never does.
var nginxSide = template.Must(template.New("nginx").Delims("[[", "]]").Parse(`
[[- with .Module]]load_module [[.]];
[[end -]]
daemon off;
[[with .User]]user [[.]];
[[end -]]
pid [[.Prefix]].pid;
error_log stderr error;
worker_processes auto;
events { worker_connections 4096; }
stream {
[[- if .Outbound]]
  proxy_ssl on;
  proxy_ssl_certificate [[.Prefix]].crt;
  proxy_ssl_certificate_key [[.Prefix]].key;
  proxy_ssl_protocols TLSv1.3;
  proxy_ssl_verify on;
  proxy_ssl_verify_depth 3;
  proxy_ssl_trusted_certificate [[.Prefix]].roots;
  proxy_ssl_name [[.PeerName]];
  server { listen unix:[[.Listen]]; proxy_pass [[.Peer]]; }
  server { listen unix:[[.Listen]].full; proxy_pass [[.Peer]]; proxy_ssl_session_reuse off; }
[[- else]]
  server {
    listen [[.Listen]] ssl;
    ssl_certificate [[.Prefix]].crt;
    ssl_certificate_key [[.Prefix]].key;
    ssl_protocols TLSv1.3;
    ssl_verify_client on;
    ssl_verify_depth 3;
    ssl_client_certificate [[.Prefix]].roots;
    ssl_session_cache shared:mesh:4m;
    proxy_pass unix:[[.Peer]];
  }
[[- end]]
}
`))

// side is what a proxy's configuration is made from.
type side struct {
	Prefix, Listen, Peer   string // Prefix begins the names of its files
	PeerName, Module, User string
	Outbound               bool
}

// nginx is a pair of nginx stream proxies, unix sockets towards client and app as ours has.
func (r *rig) nginx(ctx context.Context) (row, error) {
	path, module, err := findNginx(ctx)
	if err != nil {
		return row{}, err
	}
	run := func(s side) (*process.Process, error) {
		s.Module, s.User = module, asRoot()
		return r.proxy(ctx, "nginx", path, nginxSide, s, "-p", r.path("nginx"), "-e", "stderr", "-c")
	}
	return r.pair(ctx, "nginx", run)
}

// pair sets up the two sides of a pair of other people's proxies.
func (r *rig) pair(ctx context.Context, name string, run func(side) (*process.Process, error)) (row, error) {
	_, socket, err := r.app(ctx)
	if err != nil {
		return row{}, err
	}
	address, err := freePort()
	if err != nil {
		return row{}, err
	}
	if err := os.Mkdir(r.path(name), 0o700); err != nil {
		return row{}, err
	}
	out := side{Prefix: r.path(name, "a"), Listen: r.path(name, "a.sock"), Peer: address, PeerName: peerName, Outbound: true}
	in := side{Prefix: r.path(name, "b"), Listen: address, Peer: socket, PeerName: peerName}
	built := row{target: bench.Target{Dial: dialer("unix", out.Listen), Processes: []int{r.appProcess}}}
	for workload, s := range map[string]side{sidecarCaller: out, sidecarCallee: in} {
		l, err := r.sign(ctx, workload)
		if err != nil {
			return row{}, err
		}
		if err := l.files(s.Prefix); err != nil {
			return row{}, err
		}
	}
	for _, s := range []side{out, in} {
		p, err := run(s)
		if err != nil {
			return row{}, err
		}
		built.proxies = append(built.proxies, family(p))
	}
	return built, nil
}

// proxy writes a side's configuration and starts it; the configuration's path is the last argument.
func (r *rig) proxy(ctx context.Context, name, path string, t *template.Template, s side, args ...string) (*process.Process, error) {
	var text bytes.Buffer
	if err := t.Execute(&text, s); err != nil {
		return nil, err
	}
	file := s.Prefix + ".conf"
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		return nil, err
	}
	network := "tcp"
	if s.Outbound {
		network = "unix"
	}
	return r.start(ctx, process.Spec{
		Name: name, Path: path, Args: append(args, file), Dir: r.path(name), Ready: listening(network, s.Listen),
	})
}

var (
	nginxModules = regexp.MustCompile(`--modules-path=(\S+)`)
	nginxBuiltIn = regexp.MustCompile(`--with-stream(\s|$)`)
)

// findNginx returns the program, and its stream module where that isn't built in.
func findNginx(ctx context.Context) (path, module string, err error) {
	missing := skip("nginx with its stream module", nginxInstall)
	if path, err = find("nginx"); err != nil {
		return "", "", missing
	}
	built, err := exec.CommandContext(ctx, path, "-V").CombinedOutput()
	if err != nil {
		return "", "", fmt.Errorf("nginx -V: %w", err)
	}
	if nginxBuiltIn.Match(built) {
		return path, "", nil
	}
	folder := nginxModules.FindSubmatch(built)
	if folder == nil {
		return "", "", missing
	}
	module = filepath.Join(string(folder[1]), "ngx_stream_module.so")
	if _, err := os.Stat(module); err != nil {
		return "", "", missing
	}
	return path, module, nil
}

// find looks where servers are installed, too: an ordinary user's PATH may lack it.
func find(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return filepath.Abs(path)
	}
	return exec.LookPath(strings.Join([]string{"/usr/sbin", program}, "/"))
}

// asRoot is the user that a server's workers should keep: root would give them to nobody, who can't open our sockets.
func asRoot() string {
	if os.Geteuid() == 0 {
		return "root"
	}
	return ""
}
