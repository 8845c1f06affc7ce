// Standard Webhooks: the signature covers ID, time and body; each is changed, and the cut between them moved.
import { source, webhook, delivered } from '../lib/forge.js';
import { message, signed } from '../lib/webhooks.js';

export function benign(lab) { signed(lab); }

export function attack(lab) {
  const from = source(lab);
  const at = Math.floor(Date.now() / 1000);
  const good = webhook(from.secret, message('altered'), { at });
  const other = JSON.stringify({ type: 'altered', data: { amount: 100000 } });
  const set = (name, value) => good.map(([n, v]) => [n, n === name ? value : v]);
  const seen = [
    lab.http({ method: 'POST', path: from.path, headers: good, body: other }),
    lab.http({ method: 'POST', path: from.path, headers: set('Webhook-Id', 'msg_another'), body: message('altered') }),
    lab.http({ method: 'POST', path: from.path, headers: set('Webhook-Timestamp', `${at + 1}`), body: message('altered') }),
    lab.http({ method: 'POST', path: from.path, headers: good, body: `${message('altered')} ` }),
  ];
  lab.judge(delivered(lab, from, 'altered') > 0, `status ${seen.map((r) => r.status)}`);
}
