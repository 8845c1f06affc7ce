// OWASP ASVS 5.0 V7.2: somebody else on the machine has read the link in a history or a list of processes, and uses it too.
import { ask, enter, operator } from '../lib/page.js';

export function benign(lab) { operator(lab); }

export function attack(lab) {
  const again = enter(lab, lab.page.spent);
  const without = ['/', '/live', '/api/secrets', '/open/guess'].map((path) => ask(lab, { path, timeout: 3000 }));
  const won = again.entered || without.some((r) => r.status === 200);
  lab.judge(won, `the link again: ${again.status}; without: ${without.map((r) => r.status)}`, { each: without });
}
