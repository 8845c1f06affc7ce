// Standard Webhooks: a timestamp beyond the tolerance, either way, or no number at all.
import { source, webhook, delivered } from '../lib/forge.js';
import { message, signed } from '../lib/webhooks.js';

export function benign(lab) { signed(lab); }

export function attack(lab) {
  const from = source(lab);
  const now = Math.floor(Date.now() / 1000);
  const seen = [now - 3600, now + 3600, now - 86400 * 365, 0, -1, 1e15, `${now}.5`, `0${now}`].map((at) => lab.http({ method: 'POST', path: from.path, headers: webhook(from.secret, message('stale'), { at }), body: message('stale') }));
  lab.judge(delivered(lab, from, 'stale') > 0, `status ${seen.map((r) => r.status)}`);
}
