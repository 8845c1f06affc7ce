// NIST SP 800-207: the mesh lets ingestion connect to payments, but not use each of its routes: only the gateway may
// transfer credits.
import { inside } from '../lib/inside.js';
import { transaction, key } from '../lib/forge.js';
import { honest } from '../lib/lateral.js';

export function benign(lab) { honest(lab); }

export function attack(lab) {
  const token = transaction(lab, lab.leaf.trust_domain, { sub: 'alice', scope: 'payments:credit', tctx: { entry: 'POST /v1/transfers' } });
  const res = inside(lab, 'payments', { method: 'POST', path: '/v1/transfers', headers: [['Txn-Token', token], key()], body: { to: 'alice', amount: 5, memo: 'app.policy.minting' } });
  lab.judge(res.status === 201, `status ${res.status}`);
}
