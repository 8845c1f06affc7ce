// OWASP API5:2023 and API6:2023: what alice has paid for she takes back, eight times at once. Staff alone may refund, and the
// ledger once alone.
import { own } from '../lib/forge.js';

export function benign(lab) { own(lab); }

export function attack(lab) {
  lab.http({ method: 'POST', path: '/v1/documents', token: lab.tokens.alice, body: { title: 'Refunded', text: 'The board agreed on Monday.' } });
  const paid = lab.http({ path: '/v1/account/transfers?limit=20', token: lab.tokens.alice }).json().transfers.find((t) => t.kind === 'capture');
  const seen = lab.race([...Array(8)].map(() => ({ method: 'POST', path: `/v1/transfers/${paid.id}/refund`, token: lab.tokens.alice })));
  lab.judge(seen.some((r) => r.status === 201), `status ${seen.map((r) => r.status)}`);
}
