// DNS rebinding: the operator's browser takes the lab's page for the attacker's own site, whose name leads to loopback now; so its
// scripts may read what comes. It sends that name, and no cookie of another.
import { ask, operator } from '../lib/page.js';

export function benign(lab) { operator(lab); }

export function attack(lab) {
  const port = lab.page.address.split(':')[1];
  const names = [`rebound.example:${port}`, 'rebound.example', `localhost:${port}`, `127.0.0.1.rebound.example:${port}`];
  const seen = names.map((name) => ask(lab, { path: '/api/status', headers: [['Host', name], ['Sec-Fetch-Site', 'same-origin']] }));
  const won = seen.findIndex((r) => r.status === 200 && r.json() && r.json().result);
  lab.judge(won >= 0, won >= 0 ? `by the name ${names[won]} it told everything` : `status ${[...new Set(seen.map((r) => r.status))]}`, { each: seen });
}
