// OWASP API4:2023, API6:2023: one route, again and again, faster than any honest client needs it.
import { flood, own } from '../lib/forge.js';

export function benign(lab) { lab.mesh.sleep(1000); own(lab); } // what floods before this one have used up is back

export function attack(lab) {
  const seen = flood(lab, 4, 500, (n) => ({ path: `/v1/documents?flood=${n}`, headers: [['Authorization', `Bearer ${lab.tokens.alice}`]] }));
  lab.mesh.sleep(1200);
  const { request_ids, answered, refused, status } = seen;
  lab.judge(answered === 2000 && refused === 0, JSON.stringify(status), { request_ids });
}
