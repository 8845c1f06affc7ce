// The confused deputy (CWE-441): ingestion notifies the principal of a transaction. It writes a transaction of bob's, and so to
// his inbox.
import { inside } from '../lib/inside.js';
import { transaction } from '../lib/forge.js';
import { honest } from '../lib/lateral.js';

export function benign(lab) { honest(lab); }

export function attack(lab) {
  const res = inside(lab, 'notification', { method: 'POST', path: '/v1/notifications', headers: [['Txn-Token', transaction(lab, lab.leaf.trust_domain)]], body: { kind: 'document.stored', subject: 'Pay here: http://evil.example', data: {} } });
  lab.judge(res.status >= 200 && res.status < 300, `status ${res.status}`);
}
