// RFC 8446, appendix D: whoever sits between may offer less than both sides can do.
import { own } from '../lib/forge.js';

export function benign(lab) { own(lab); }

export function attack(lab) {
  const seen = ['1.2', '1.1', '1.0'].map((maxVersion) => lab.http({ path: '/v1/account', token: lab.tokens.alice, tls: { ca: lab.ca, serverName: lab.edge.name, maxVersion } }));
  lab.judge(seen.some((r) => r.status === 200), `status ${seen.map((r) => r.status)}`);
}
