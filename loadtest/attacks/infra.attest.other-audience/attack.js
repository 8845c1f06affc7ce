// RFC 7523, section 3: a document is for one audience. One that Consul was shown mustn't open Vault.

function login(lab, role, file) {
  const jwt = lab.mesh.read(`${lab.folders[lab.service]}/${file}`).text;
  return lab.note(lab.mesh.http({ method: 'POST', address: lab.control.vault, tls: { ca: lab.ca, serverName: '127.0.0.1' }, path: '/v1/auth/jwt/login', body: JSON.stringify({ role, jwt }) }));
}

export function benign(lab) {
  const res = login(lab, 'notification', 'vault.jwt');
  lab.judge(res.status === 200, `status ${res.status}`);
}

export function attack(lab) {
  const res = login(lab, 'notification', 'consul.jwt');
  lab.judge(res.status === 200, `status ${res.status}`);
}
