// The story of the stolen token: whoever holds it is alice, with alice's scopes and not one more.
import { key, own } from '../lib/forge.js';

export function benign(lab) { own(lab, lab.stolen.access_token); }

export function attack(lab) {
  const token = lab.stolen.access_token;
  const credit = lab.http({ method: 'POST', path: '/v1/transfers', token, headers: [key()], body: { to: 'alice', amount: 5, memo: 'stolen-token' } });
  const freeze = lab.http({ method: 'PUT', path: '/v1/accounts/alice/state', token, body: { state: 'active' } });
  lab.judge(credit.status === 201 || freeze.status === 200, `status ${credit.status}, ${freeze.status}`);
}
