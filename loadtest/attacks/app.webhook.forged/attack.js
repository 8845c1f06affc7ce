// Standard Webhooks: whoever knows a source's name, but not its secret.
import { source, webhook, delivered } from '../lib/forge.js';
import { message, signed } from '../lib/webhooks.js';

export function benign(lab) { signed(lab); }

export function attack(lab) {
  const from = source(lab);
  const good = webhook('whsec_' + 'A'.repeat(43) + '=', message('forged'));
  const set = (name, value) => good.map(([n, v]) => [n, n === name ? value : v]);
  const none = 'v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';
  const tries = [good, set('Webhook-Signature', none), set('Webhook-Signature', ''), set('Webhook-Signature', 'v1,'), set('Webhook-Signature', `v0,${none.slice(3)}`), set('Webhook-Signature', `v1a,${none.slice(3)}`),
    set('Webhook-Signature', Array(9).fill(none).join(' ')), good.filter(([n]) => n !== 'Webhook-Signature'), good.filter(([n]) => n !== 'Webhook-Timestamp'), [['Content-Type', 'application/json']]];
  const seen = tries.map((headers) => lab.http({ method: 'POST', path: from.path, headers, body: message('forged') }));
  lab.judge(delivered(lab, from, 'forged') > 0, `status ${seen.map((r) => r.status)}`);
}
