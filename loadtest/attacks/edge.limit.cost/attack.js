// OWASP LLM10:2025: to extract a model takes volume, and few large requests are as good as many small ones.
import { own } from '../lib/forge.js';

export function benign(lab) { lab.mesh.sleep(1000); own(lab); }

export function attack(lab) {
  const input = 'The board agreed on Monday to publish the report. '.repeat(4000);
  const seen = lab.race([...Array(9)].map(() => ({ method: 'POST', path: '/v1/inferences', token: lab.tokens.alice, body: { model: 'langid', input }, timeout: 14000 })));
  lab.mesh.sleep(1200);
  lab.judge(seen.every((r) => r.status === 200), `status ${seen.map((r) => r.status)}`);
}
