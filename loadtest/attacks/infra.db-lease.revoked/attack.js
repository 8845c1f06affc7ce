// NIST SP 800-57: a credential that was leaked is worth nothing when its lease has ended.
import { alive } from '../lib/mesh.js';

export function benign(lab) { alive(lab); }

export function attack(lab) {
  const { user, password, database } = lab.stolen;
  const res = lab.note(lab.mesh.postgres({ address: lab.control.postgres, tls: { ca: lab.ca, serverName: '127.0.0.1' }, user, password, database, sql: 'SELECT count(*) FROM accounts' }));
  lab.judge(res.loggedIn, `${res.sqlState} ${res.error}`);
}
