// Credits, spent by dave: what he has, the attack alone has given him, so that no other leaves him without or with too many.
import { key } from './forge.js';

export const spend = (lab, kib) => ({ method: 'POST', path: '/v1/inferences', token: lab.tokens.dave, body: { model: 'langid', input: 'Good morning. '.padEnd(1024 * (kib || 1), 'o') } });

export function balance(lab) {
  const res = lab.mesh.http(lab.request({ path: '/v1/account', token: lab.tokens.dave }));
  if (res.status !== 200) throw new Error(`dave's account: ${res.status} ${res.body || res.error}`);
  return JSON.parse(res.body).balance;
}

// level leaves dave with one credit: staff give him what is missing, and he spends what is too much.
export function level(lab) {
  const has = balance(lab);
  const r = has > 1 ? spend(lab, has - 1) : { method: 'POST', path: '/v1/transfers', token: lab.tokens.carol, headers: [key()], body: { to: 'dave', amount: 1 - has, memo: 'attack' } };
  const res = has === 1 ? { status: 200 } : lab.mesh.http(lab.request(r));
  if (res.status >= 300 || res.status === 0 || balance(lab) !== 1) throw new Error(`leave dave with one credit of ${has}: ${res.status} ${res.body || res.error}`);
}

// bought has dave pay for something, and returns the transfer by which he paid.
export function bought(lab) {
  level(lab);
  const res = lab.mesh.http(lab.request(spend(lab)));
  const all = JSON.parse(lab.mesh.http(lab.request({ path: '/v1/account/transfers?limit=20', token: lab.tokens.dave })).body).transfers || [];
  const paid = all.find((t) => t.kind === 'capture');
  if (res.status !== 200 || !paid) throw new Error(`dave pays: ${res.status} ${res.body || res.error}`);
  return paid.id;
}

// statuses are what was answered, counted.
export const statuses = (seen) => JSON.stringify(seen.reduce((n, r) => Object.assign(n, { [r.status]: (n[r.status] || 0) + 1 }), {}));
