// RFC 8725 and draft-ietf-oauth-transaction-tokens: ingestion may set credits aside, for the principal of a transaction. It
// writes the transaction itself.
import { inside } from '../lib/inside.js';
import { transaction, key } from '../lib/forge.js';
import { honest } from '../lib/lateral.js';

export function benign(lab) { honest(lab); }

export function attack(lab) {
  const domain = lab.leaf.trust_domain;
  const now = Math.floor(Date.now() / 1000);
  const make = (change, header, sign) => transaction(lab, domain, change, header, sign);
  const tokens = [
    make(), make({}, { alg: 'none' }, { sign: 'none' }), make({}, { alg: 'HS256' }, { sign: 'HS256', key: 'secret' }), make({}, { typ: 'JWT' }), make({}, { kid: '../../key' }), make({}, { jku: 'http://127.0.0.1:1/' }),
    make({ exp: now + 86400 }), make({ exp: now - 60 }), make({ iat: now + 600, exp: now + 615 }), make({ aud: 'another.consul' }), make({ iss: `spiffe://another.consul` }), make({ scope: '' }),
  ];
  const seen = tokens.map((token) => inside(lab, 'payments', { method: 'POST', path: '/v1/authorizations', headers: [['Txn-Token', token], key()], body: { amount: 1, reference: 'app.txn-token.forged' } }));
  lab.judge(seen.some((r) => r.status === 201), `status ${seen.map((r) => r.status)}`);
}
