// Fetch standard, CORS protocol: a page that alice visits reads her account, because the answer lets its origin.
import { own } from '../lib/forge.js';

export function benign(lab) { own(lab); }

const origins = ['https://evil.example', 'null', 'http://localhost:3000', 'https://127.0.0.1.evil.example', 'https://evil.example:8443', 'file://', 'HTTPS://EVIL.EXAMPLE'];

export function attack(lab) {
  const reads = origins.map((o) => lab.http({ path: '/v1/account', token: lab.tokens.alice, headers: [['Origin', o]] }));
  const asks = origins.map((o) => lab.http({ method: 'OPTIONS', path: '/v1/transfers', headers: [['Origin', o], ['Access-Control-Request-Method', 'POST'], ['Access-Control-Request-Headers', 'authorization']] }));
  const allowed = (r) => r.status < 300 && r.headers['access-control-allow-origin'];
  lab.judge(reads.concat(asks).some(allowed), `status ${[...new Set(reads.concat(asks).map((r) => r.status))]}`);
}
