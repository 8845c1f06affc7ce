// OWASP API9:2023: payments lets ingestion set credits aside. Alice tries to get there from outside, by any path.
import { key, own } from '../lib/forge.js';

export function benign(lab) { own(lab); }

const paths = ['/payments/v1/authorizations', '/v1/authorizations', '/v1/payments/authorizations', '//payments/v1/authorizations', '/v1/../payments/v1/authorizations',
  '/v1/account/../authorizations', '/v1/account%2f..%2fauthorizations', '/v1/account/..;/authorizations', '/V1/AUTHORIZATIONS', '/v1/authorizations/', '/v1/webhooks/..%2fauthorizations'];

export function attack(lab) {
  const seen = paths.map((path) => lab.http({ method: 'POST', path, token: lab.tokens.alice, headers: [key()], body: { amount: 1, reference: 'edge.routes.internal' } }));
  lab.judge(seen.some((r) => r.status === 201), `status ${seen.map((r) => r.status)}`);
}
