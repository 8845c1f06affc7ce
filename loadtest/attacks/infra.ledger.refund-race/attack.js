// CWE-362, OWASP API6:2023: two members of staff, or one with two windows, give the same payment back. Each has a key of his
// own, or none, so that none of the requests is another one's repetition.
import { key } from '../lib/forge.js';
import { bought, statuses } from '../lib/ledger.js';

const refund = (lab, id, headers) => ({ method: 'POST', path: `/v1/transfers/${id}/refund`, token: lab.tokens.carol, headers });
const made = (seen) => new Set(seen.filter((r) => r.status === 201).map((r) => r.json().id)).size;

export function benign(lab) {
  const res = lab.http(refund(lab, bought(lab), [key()]));
  lab.judge(res.status === 201, `status ${res.status}`);
}

export function attack(lab) {
  let seen = [];
  for (let n = 0; n < 3 && made(seen) < 2; n++) {
    const id = bought(lab);
    seen = lab.race([...Array(8)].map((_, i) => refund(lab, id, i % 2 ? [key()] : [])));
    seen.push(lab.http(refund(lab, id, [key()]))); // and once more, later
  }
  lab.judge(made(seen) > 1, `${seen.length} refunds of one payment: ${statuses(seen)}`);
}
