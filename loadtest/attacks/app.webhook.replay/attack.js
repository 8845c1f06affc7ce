// Standard Webhooks: somebody who overheard one sends it once more, at once and many at a time.
import { source, webhook, delivered } from '../lib/forge.js';
import { message, signed } from '../lib/webhooks.js';

export function benign(lab) { signed(lab); }

export function attack(lab) {
  const from = source(lab);
  const headers = webhook(from.secret, message('again'));
  const r = { method: 'POST', path: from.path, headers, body: message('again') };
  const first = lab.http(r);
  const seen = lab.race([...Array(8)].map(() => r));
  lab.judge(first.status < 300 && delivered(lab, from, 'again') > 1, `status ${first.status}, then ${seen.map((s) => s.status)}`);
}
