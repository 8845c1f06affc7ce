// RFC 7523: a document says who its holder is, and Vault gives a role to nobody else.
import { login, as, leave, own } from '../lib/vault.js';

export function benign(lab) { own(lab); }

export function attack(lab) {
  const seen = ['payments', 'payments-migrate', 'modelstore-publish', 'ingestion', 'gateway'].map((role) => login(lab, role));
  const won = seen.find((r) => r.status === 200);
  lab.judge(Boolean(won), won ? `logged in; a lease of payments' database: status ${as(lab, won, { path: '/v1/database/creds/payments' }).status}` : `status ${seen.map((r) => r.status)}`);
  seen.filter((r) => r.status === 200).forEach((r) => leave(lab, r));
}
