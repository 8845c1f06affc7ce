// RFC 8725, section 2.1: a token whose header says that it needs no signature. It names bob, whose password nobody asked for.
import { claims } from '../lib/lab.js';

// The issuer, audience and times are copied from a token of our own: nothing in them is secret.
export function benign(lab) {
  const res = lab.http({ path: '/v1/account', token: lab.tokens.alice });
  lab.judge(res.status === 200 && res.json().owner === 'alice', `status ${res.status}`);
}

export function attack(lab) {
  const payload = Object.assign(claims(lab.tokens.alice), { username: 'bob' });
  const seen = ['none', 'None', 'NONE'].map((alg) => lab.http({ path: '/v1/account', token: lab.mesh.jws({ header: { alg, typ: 'JWT' }, payload }) }));
  lab.judge(seen.some((r) => r.status === 200 && r.json().owner === 'bob'), `status ${seen.map((r) => r.status)}`);
}
