// OWASP API4:2023: each route gets less than it takes, all together more than one customer may ask.
import { flood, own } from '../lib/forge.js';

const routes = ['/v1/account', '/v1/documents', '/v1/inbox', '/v1/webhook-endpoints', '/v1/account/transfers', '/v1/balance', '/v1/documents/01900000-0000-7000-8000-000000000000'];

export function benign(lab) { lab.mesh.sleep(1000); own(lab); } // what floods before this one have used up is back

export function attack(lab) {
  const seen = flood(lab, 4, 500, (n) => ({ path: `${routes[n % routes.length]}?flood=${n}`, headers: [['Authorization', `Bearer ${lab.tokens.alice}`]] }));
  lab.mesh.sleep(1200);
  const { request_ids, answered, refused, status } = seen;
  lab.judge(answered === 2000 && refused === 0, JSON.stringify(status), { request_ids });
}
