// Alice speaks like a service: a Txn-Token in bob's name, and all the headers by which programs tell each other who calls.
import { own, transaction } from '../lib/forge.js';

export function benign(lab) { own(lab); }

export function attack(lab) {
  const domain = '11111111-2222-3333-4444-555555555555.consul'; // whoever checks nothing doesn't care
  const forged = transaction(lab, domain, { sub: 'bob', scope: 'account:read', tctx: { entry: 'GET /v1/account' } });
  const headers = ['Txn-Token', 'X-Forwarded-Client-Cert', 'X-Forwarded-For', 'X-Real-Ip', 'Forwarded', 'X-Envoy-External-Address', 'X-Redoubt-Caller', 'Traceparent', 'X-Request-Id']
    .map((name) => [name, name === 'Txn-Token' ? forged : 'spiffe://mesh/ns/default/dc/dc1/svc/gateway']);
  const res = lab.http({ path: '/v1/account', token: lab.tokens.alice, headers });
  lab.judge(res.status === 200 && res.json().owner === 'bob', `status ${res.status}`);
}
