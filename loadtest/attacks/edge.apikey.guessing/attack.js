// Credential stuffing (OWASP API2:2023): made-up keys of the right form, with the identity that is wished for beside them.
import { own, random } from '../lib/forge.js';

export function benign(lab) { own(lab); }

const text = (alphabet, length) => random(length).match(/../g).map((h) => alphabet[parseInt(h, 16) % alphabet.length]).join('');

export function attack(lab) {
  const guesses = [...Array(30)].map(() => `rdk_${text('abcdefghijklmnopqrstuvwxyz234567', 10)}_${text('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', 43)}`);
  guesses.push('rdk_aaaaaaaaaa_', 'rdk_', 'test', `rdk_${'a'.repeat(10)}_${'A'.repeat(43)}`);
  const seen = guesses.map((key) => lab.http({ path: '/v1/account', headers: [['Authorization', `ApiKey ${key}`], ['X-Principal', 'bob'], ['X-Scopes', 'account:read']] }));
  lab.judge(seen.some((r) => r.status === 200), `${guesses.length} keys: status ${[...new Set(seen.map((r) => r.status))]}`);
}
