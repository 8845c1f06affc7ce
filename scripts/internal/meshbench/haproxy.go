package meshbench

import (
	"context"
	"text/template"

	"redoubt.example/infra/process"
)

const haproxyInstall = "sudo apt-get install haproxy"

// haproxySide is one HAProxy of the pair. A's first frontend resumes sessions, its second never does.
var haproxySide = template.Must(template.New("haproxy").Delims("[[", "]]").Parse(`
global
  maxconn 8192
  log stderr local0 warning
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
[[if .Outbound -]]
listen resumed
  bind unix@[[.Listen]]
  server peer [[.Peer]] ssl crt [[.Prefix]].both ca-file [[.Prefix]].roots verify required verifyhost [[.PeerName]] ssl-min-ver TLSv1.3
listen full
  bind unix@[[.Listen]].full
  server peer [[.Peer]] ssl crt [[.Prefix]].both ca-file [[.Prefix]].roots verify required verifyhost [[.PeerName]] ssl-min-ver TLSv1.3 no-ssl-reuse
[[else -]]
listen mesh
  bind [[.Listen]] ssl crt [[.Prefix]].both ca-file [[.Prefix]].roots verify required ssl-min-ver TLSv1.3
  server app unix@[[.Peer]]
[[end]]
`))

// haproxy is a pair of HAProxy TCP proxies, unix sockets towards client and app as ours has.
func (r *rig) haproxy(ctx context.Context) (row, error) {
	path, err := find("haproxy")
	if err != nil {
		return row{}, &missingError{haproxyInstall}
	}
	return r.pair(ctx, "haproxy", func(s side) (*process.Process, error) {
		return r.proxy(ctx, "haproxy", path, haproxySide, s, "-db", "-f")
	})
}
