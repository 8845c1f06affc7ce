// Broken function level authorization (OWASP API5:2023): alice's own good token, at what only staff may do.
import { key, random } from '../lib/forge.js';

export function benign(lab) {
  const res = lab.http({ method: 'POST', path: '/v1/transfers', token: lab.tokens.carol, headers: [key()], body: { to: 'alice', amount: 1, memo: 'admin-routes' } });
  lab.judge(res.status === 201, `status ${res.status}`);
}

export function attack(lab) {
  const seen = [
    { path: '/v1/transfers', headers: [key()], body: { to: 'alice', amount: 5, memo: 'admin-routes' } },
    { path: `/v1/transfers/${'01900000-0000-7000-8000-000000000000'}/refund`, headers: [key()] },
    { method: 'PUT', path: '/v1/accounts/alice/state', body: { state: 'active' } },
    { path: '/v1/webhook-sources', body: { name: `attack-${random(6)}` } },
  ].map((r) => lab.http(Object.assign({ method: 'POST', token: lab.tokens.alice }, r)));
  lab.judge(seen.some((r) => r.status >= 200 && r.status < 300), `status ${seen.map((r) => r.status)}`);
}
