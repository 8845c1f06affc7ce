// RFC 7523: each service leases logins to its own database. This one asks in another's name, and reads alice's documents.
import { login, as, leave, own } from '../lib/vault.js';

export function benign(lab) { own(lab); }

export function attack(lab) {
  const res = login(lab, 'ingestion');
  if (res.status !== 200) { lab.judge(false, `status ${res.status}`); return; }
  const lease = JSON.parse(as(lab, res, { path: '/v1/database/creds/ingestion' }).body).data;
  const rows = lab.mesh.postgres({ address: lab.control.postgres, tls: { ca: lab.ca, serverName: '127.0.0.1' }, user: lease.username, password: lease.password, database: 'ingestion', sql: 'SELECT count(*) FROM documents' });
  leave(lab, res);
  lab.judge(rows.loggedIn, `${rows.error || 'logged in to ingestion'}`);
}
