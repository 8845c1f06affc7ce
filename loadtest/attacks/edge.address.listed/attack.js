// OWASP API4:2023: an address of the deny list, and headers that say it is another.
import { own } from '../lib/forge.js';

export function benign(lab) { own(lab); }

export function attack(lab) {
  const seen = [[], [['X-Forwarded-For', '127.0.0.1']], [['X-Real-Ip', '127.0.0.1'], ['Forwarded', 'for=127.0.0.1'], ['True-Client-Ip', '127.0.0.1']]]
    .map((headers) => lab.http({ from: '127.0.0.66', path: '/v1/account', token: lab.tokens.alice, headers }));
  lab.judge(seen.some((r) => r.status === 200), `status ${seen.map((r) => r.status)}`);
}
