// RFC 6750, section 3.1: a token with account:read alone, in the hands of some app of alice's that would like to have more.
import { own } from '../lib/forge.js';

export function benign(lab) { own(lab, lab.narrow.alice); }

export function attack(lab) {
  const reads = ['/v1/documents', '/v1/inbox', '/v1/webhook-endpoints'].map((path) => lab.http({ path, token: lab.narrow.alice }));
  lab.judge(reads.some((r) => r.status === 200), `status ${reads.map((r) => r.status)}`);
}
