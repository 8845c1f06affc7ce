package meshbench

import (
	"context"
	"net"
	"os"
	"strconv"

	consul "github.com/hashicorp/consul/api"

	"redoubt.example/infra/process"
	"redoubt.example/loadtest/bench"
)

const proxyCaller, proxyCallee = "gateway", "notification"

// consulProxy is a pair of Consul's built-in proxies. They know no unix sockets: the client and the app are reached
// over loopback TCP. They resume no sessions, and ask the agent about each connection.
func (r *rig) consulProxy(ctx context.Context) (row, error) {
	app, _, err := r.app(ctx)
	if err != nil {
		return row{}, err
	}
	listen, err := freePort()
	if err != nil {
		return row{}, err
	}
	upstream, err := freePort()
	if err != nil {
		return row{}, err
	}
	if err := r.register(ctx, proxyCallee, app, listen); err != nil {
		return row{}, err
	}
	_, port, err := net.SplitHostPort(upstream)
	if err != nil {
		return row{}, err
	}
	built := row{target: bench.Target{Dial: dialer("tcp", upstream), Processes: []int{r.appProcess}}, neverResumes: true, mTLS: listen, caller: proxyCaller}
	for _, p := range []struct {
		service, ready string
		args           []string
	}{
		{proxyCaller, upstream, []string{"-upstream", proxyCallee + ":" + port}},
		{proxyCallee, listen, []string{"-service-addr", app, "-listen", listen}},
	} {
		token := r.path(p.service + ".token")
		err := r.asWorkload(ctx, p.service, func(_ *consul.Client, secret string) error {
			return os.WriteFile(token, []byte(secret), 0o600)
		})
		if err != nil {
			return row{}, err
		}
		proxy, err := r.start(ctx, process.Spec{
			Name: p.service + ".consul-proxy", Path: r.cfg.Consul, Ready: listening("tcp", p.ready), Env: []string{"HOME=" + r.dir},
			Args: append([]string{"connect", "proxy", "-http-addr=https://" + r.plane.ConsulHTTP, "-ca-file=" + r.plane.CAFile,
				"-token-file=" + token, "-service", p.service, "-log-level=warn"}, p.args...),
		})
		if err != nil {
			return row{}, err
		}
		built.started = append(built.started, proxy)
	}
	return built, nil
}

// register puts a service with a proxy in the catalog, so that its peers find it.
func (r *rig) register(ctx context.Context, service, app, proxy string) error {
	appPort, err := port(app)
	if err != nil {
		return err
	}
	proxyPort, err := port(proxy)
	if err != nil {
		return err
	}
	return r.asWorkload(ctx, service, func(client *consul.Client, _ string) error {
		return client.Agent().ServiceRegisterOpts(&consul.AgentServiceRegistration{
			Name: service, Address: "127.0.0.1", Port: appPort,
			Connect: &consul.AgentServiceConnect{SidecarService: &consul.AgentServiceRegistration{
				Address: "127.0.0.1", Port: proxyPort,
				Checks: consul.AgentServiceChecks{{Name: "the app", AliasService: service}},
			}},
		}, (consul.ServiceRegisterOpts{}).WithContext(ctx))
	})
}

func port(address string) (int, error) {
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}
