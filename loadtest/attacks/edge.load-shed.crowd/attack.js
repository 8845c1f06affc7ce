// OWASP API4:2023: within all rates, but all at the same time. Gained is that everything is taken on, whoever else waits.
import { own } from '../lib/forge.js';

export function benign(lab) { lab.mesh.sleep(1000); own(lab); }

export function attack(lab) {
  const text = 'The board agreed on Monday to publish the report. '.repeat(200);
  const seen = lab.race([...Array(250)].map(() => ({ method: 'POST', path: '/v1/documents', token: lab.tokens.alice, body: { title: 'Crowd', text }, timeout: 15000 })));
  const status = {};
  seen.forEach((r) => { status[r.status] = (status[r.status] || 0) + 1; });
  lab.mesh.sleep(1200);
  const turned = seen.filter((r) => r.body.includes('too many requests are in work')).length;
  lab.judge(turned === 0, `${turned} turned away; status ${JSON.stringify(status)}`);
}
