// Access tokens end at the gateway: inside, one has no meaning, also beside a transaction token.
import { inside } from '../lib/inside.js';
import { transaction, key } from '../lib/forge.js';
import { honest } from '../lib/lateral.js';

export function benign(lab) { honest(lab); }

export function attack(lab) {
  const headers = [['Authorization', 'Bearer eyJhbGciOiJub25lIn0.eyJ1c2VybmFtZSI6ImJvYiJ9.'], ['Txn-Token', transaction(lab, lab.leaf.trust_domain)], key()];
  const res = inside(lab, 'payments', { method: 'POST', path: '/v1/authorizations', headers, body: { amount: 1, reference: 'app.txn-token.external' } });
  lab.judge(res.status === 201, `status ${res.status}`);
}
