// OWASP API9:2023: what scanners ask for first, and each service's routes under its name.
import { own } from '../lib/forge.js';

export function benign(lab) { own(lab); }

const paths = ['/metrics', '/debug/pprof/', '/debug/vars', '/admin', '/actuator/env', '/.env', '/.git/config', '/swagger.json', '/graphql', '/v0/account', '/v2/account', '/internal/account',
  '/v1/transaction-keys', '/payments/v1/account', '/ingestion/v1/documents', '/notification/v1/inbox', '/server-status', '/v1/account.json', '/v1/account/alice', '/v1/users'];

export function attack(lab) {
  const seen = paths.map((path) => lab.http({ path, token: lab.tokens.alice }));
  const won = paths.filter((_, n) => seen[n].status >= 200 && seen[n].status < 300);
  lab.judge(won.length > 0, won.length ? `answered: ${won}` : `status ${[...new Set(seen.map((r) => r.status))]}`);
}
