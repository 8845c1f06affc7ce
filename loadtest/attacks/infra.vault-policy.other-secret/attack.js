// A login to Vault is good for what the policy of its name lists, which is what topology.yaml gives the service, and for nothing else.
import { login, as, leave } from '../lib/vault.js';

export function benign(lab) {
  const res = login(lab, lab.service);
  const own = res.status === 200 ? as(lab, res, { path: '/v1/transit/keys/policy' }) : res;
  lab.judge(own.status === 200, `status ${own.status}`);
}

const others = [
  { path: '/v1/database/creds/payments' }, { path: '/v1/database/creds/ingestion' }, { path: '/v1/database/creds/payments-migrate' },
  { method: 'POST', path: '/v1/transit/datakey/plaintext/payments' }, { method: 'POST', path: '/v1/transit/sign/modelstore', body: '{"input":"YQ=="}' },
  { method: 'POST', path: '/v1/transit/sign/policy', body: '{"input":"YQ=="}' }, { method: 'POST', path: '/v1/transit/hmac/apikeys', body: '{"input":"YQ=="}' },
];

export function attack(lab) {
  const res = login(lab, lab.service);
  if (res.status !== 200) { lab.judge(false, `login: status ${res.status}`); return; }
  const seen = others.map((r) => as(lab, res, r));
  leave(lab, res);
  lab.judge(seen.some((r) => r.status === 200), `status ${seen.map((r) => r.status)}`);
}
