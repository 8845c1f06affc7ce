// The confused deputy (CWE-441): inference may set credits aside; it has no business looking at what anybody owns.
import { inside } from '../lib/inside.js';
import { transaction } from '../lib/forge.js';
import { honest } from '../lib/lateral.js';

export function benign(lab) { honest(lab); }

export function attack(lab) {
  const token = (scope, entry) => ['Txn-Token', transaction(lab, lab.leaf.trust_domain, { sub: 'bob', scope, tctx: { entry } })];
  const seen = [
    inside(lab, 'payments', { path: '/v1/account', headers: [token('account:read', 'GET /v1/account')] }),
    inside(lab, 'payments', { path: '/v1/account/transfers', headers: [token('account:read', 'GET /v1/account/transfers')] }),
  ];
  lab.judge(seen.some((r) => r.status === 200), `status ${seen.map((r) => r.status)}`);
}
