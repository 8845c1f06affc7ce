// Each login is one that the service may lease, and each is good for ten minutes wherever it is taken: whoever expects to be put out
// takes many.
import { login, as } from '../lib/vault.js';

const lease = (lab, res) => as(lab, res, { path: `/v1/database/creds/${lab.service}` });
const giveBack = (lab, res) => as(lab, res, { method: 'POST', path: '/v1/auth/token/revoke-self' });

export function benign(lab) {
  const res = login(lab, lab.service);
  const own = lease(lab, res);
  giveBack(lab, res);
  lab.judge(own.status === 200, `status ${own.status}`);
}

export function attack(lab) {
  const res = login(lab, lab.service);
  const seen = [...Array(24)].map(() => lease(lab, res));
  giveBack(lab, res);
  lab.judge(seen.every((r) => r.status === 200), `${seen.length} logins: status ${[...new Set(seen.map((r) => r.status))]}`);
}
