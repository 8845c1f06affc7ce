// Whoever has somebody's password gets a token of his own at the issuer, which is as good as the owner's. Both are in use within
// minutes, and their holders are in two countries.
import { own } from '../lib/forge.js';

export function benign(lab) { own(lab); }

export function attack(lab) {
  const seen = [0, 1, 2].map(() => lab.http({ from: lab.abroad, path: '/v1/account', token: lab.narrow.alice }));
  lab.judge(seen.every((r) => r.status === 200), `status ${seen.map((r) => r.status)}`);
}
