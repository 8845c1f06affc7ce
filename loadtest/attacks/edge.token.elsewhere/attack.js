// RFC 6750, section 5.2: a bearer token does for whoever holds it what it does for its owner. Nothing stops that for what is left of
// its 15 minutes; but the owner is in one country, and the thief in another.
import { own } from '../lib/forge.js';

export function benign(lab) { own(lab, lab.stolen.access_token); }

export function attack(lab) {
  const seen = ['/v1/account', '/v1/documents', '/v1/inbox'].map((path) => lab.http({ from: lab.abroad, path, token: lab.stolen.access_token }));
  lab.judge(seen.every((r) => r.status === 200), `status ${seen.map((r) => r.status)}`);
}
