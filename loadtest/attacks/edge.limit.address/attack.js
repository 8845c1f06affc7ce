// OWASP API4:2023: a request each from a thousand addresses, if X-Forwarded-For were believed.
import { flood, own } from '../lib/forge.js';

export function benign(lab) { lab.mesh.sleep(1000); own(lab); } // what floods before this one have used up is back

export function attack(lab) {
  const seen = flood(lab, 4, 500, (n) => ({ path: '/v1/nothing', headers: [['X-Forwarded-For', `10.1.${n >> 8}.${n & 255}`], ['X-Real-Ip', `10.2.${n >> 8}.${n & 255}`], ['Forwarded', `for=10.3.${n >> 8}.${n & 255}`]] }));
  lab.mesh.sleep(1200);
  const { request_ids, answered, refused, status } = seen;
  lab.judge(answered === 2000 && refused === 0, JSON.stringify(status), { request_ids });
}
