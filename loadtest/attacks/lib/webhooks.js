// Webhooks, both ways: the URLs that a customer has messages sent to, and what other companies send here (Standard Webhooks).
import { source, webhook, delivered } from './forge.js';

const endpoints = '/v1/webhook-endpoints';

// registrable is the honest twin of a forged URL: a public address, for messages of a kind that there never is. Nothing is
// sent there.
export function registrable(lab) {
  const res = lab.http({ method: 'POST', path: endpoints, token: lab.tokens.alice, body: { url: 'https://example.com/hook', events: ['attack.never'] } });
  if (res.status === 201) lab.http({ method: 'DELETE', path: `${endpoints}/${res.json().id}`, token: lab.tokens.alice });
  lab.judge(res.status === 201, `status ${res.status}`);
}

// register asks for messages at each of the URLs; one that is taken is a success of the attack.
export function register(lab, urls) {
  const seen = urls.map((url) => lab.http({ method: 'POST', path: endpoints, token: lab.tokens.alice, body: { url, events: ['*'] } }));
  const won = urls.filter((_, n) => seen[n].status === 201);
  lab.judge(won.length > 0, won.length ? `taken: ${won}` : `status ${[...new Set(seen.map((r) => r.status))]}`);
}

// withdraw removes all of a user's endpoints.
export function withdraw(lab, user) {
  const all = lab.http({ path: endpoints, token: lab.tokens[user] }).json();
  for (const e of all.endpoints || []) lab.http({ method: 'DELETE', path: `${endpoints}/${e.id}`, token: lab.tokens[user] });
}

// message is the body of an incoming webhook.
export const message = (type) => JSON.stringify({ type, data: { amount: 100 } });

// signed is the honest twin of a forged message: one that its source has signed, delivered once.
export function signed(lab) {
  const from = source(lab);
  const res = lab.http({ method: 'POST', path: from.path, headers: webhook(from.secret, message('paid')), body: message('paid') });
  lab.judge(res.status < 300 && delivered(lab, from, 'paid') === 1, `status ${res.status}`);
}
