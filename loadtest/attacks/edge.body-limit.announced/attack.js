// OWASP API4:2023: four megabytes for a route that needs none. Gained is that the platform takes them all and works on.
import { own } from '../lib/forge.js';

export function benign(lab) { own(lab); }

export function attack(lab) {
  const send = () => lab.http({ path: '/v1/account', token: lab.tokens.alice, timeout: 10000, headers: [['Content-Type', 'multipart/form-data; boundary=x']], body: 'a'.repeat(4 << 20) });
  const seen = [send(), send(), send()];
  lab.judge(seen.some((r) => r.status === 200), `status ${seen.map((r) => `${r.status} ${r.errno}`)}`);
}
