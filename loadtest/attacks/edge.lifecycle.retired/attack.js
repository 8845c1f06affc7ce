// OWASP API9:2023: what was forgotten is what was never mended.
import { own } from '../lib/forge.js';

export function benign(lab) { own(lab); }

export function attack(lab) {
  const seen = ['/v0/account', '/v0/documents', '/v0/inbox', '/v0/account/transfers'].map((path) => lab.http({ path, token: lab.tokens.alice }));
  lab.judge(seen.some((r) => r.status === 200), `status ${seen.map((r) => r.status)}`);
}
