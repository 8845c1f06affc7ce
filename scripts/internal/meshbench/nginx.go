package meshbench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"text/template"

	"redoubt.example/infra/process"
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

var (
	nginxModules = regexp.MustCompile(`--modules-path=(\S+)`)
	nginxBuiltIn = regexp.MustCompile(`--with-stream(\s|$)`)
)

// findNginx returns the program, and its stream module where that isn't built in.
func findNginx(ctx context.Context) (path, module string, err error) {
	missing := &missingError{nginxInstall}
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
