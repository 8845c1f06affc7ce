// RFC 7523: a document says who its holder is, and Vault gives a role to nobody else.

function login(lab, role, file) {
  const jwt = lab.mesh.read(`${lab.folders[lab.service]}/${file}`).text;
  return lab.note(lab.mesh.http({ method: 'POST', address: lab.control.vault, tls: { ca: lab.ca, serverName: '127.0.0.1' }, path: '/v1/auth/jwt/login', body: JSON.stringify({ role, jwt }) }));
}

export function benign(lab) {
  const res = login(lab, 'notification', 'vault.jwt');
  lab.judge(res.status === 200, `status ${res.status}`);
}

export function attack(lab) {
  const seen = ['payments', 'payments-migrate', 'modelstore-publish', 'ingestion', 'gateway'].map((role) => login(lab, role, 'vault.jwt'));
  const won = seen.find((r) => r.status === 200);
  if (won) {
    const token = JSON.parse(won.body).auth.client_token;
    const creds = lab.mesh.http({ address: lab.control.vault, tls: { ca: lab.ca, serverName: '127.0.0.1' }, path: '/v1/database/creds/payments', headers: [['X-Vault-Token', token]] });
    lab.judge(creds.status === 200, `a login to payments' database: status ${creds.status}`);
    return;
  }
  lab.judge(false, `status ${seen.map((r) => r.status)}`);
}
