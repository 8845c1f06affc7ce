// RFC 9449, section 11.1: who overhears a request has a token and a proof that are both good. The token is bound to a key that he
// hasn't, and the proof is good once, for one method and one URI.
import crypto from 'k6/crypto';
import { random } from '../lib/forge.js';

// proof is alice's, with her key.
function proof(lab, method, path) {
  const payload = { jti: random(12), htm: method, htu: `${lab.gateway}${path}`, iat: Math.floor(Date.now() / 1000), ath: crypto.sha256(lab.bound.access_token, 'base64rawurl') };
  return lab.mesh.jws({ header: { alg: 'ES256', typ: 'dpop+jwt', jwk: lab.bound.jwk }, payload, sign: 'ES256', key: lab.bound.key });
}

const send = (lab, path, dpop, scheme) => lab.http({ path, headers: [['Authorization', `${scheme || 'DPoP'} ${lab.bound.access_token}`]].concat(dpop ? [['DPoP', dpop]] : []) });

let overheard = '';

export function benign(lab) {
  overheard = proof(lab, 'GET', '/v1/account');
  const res = send(lab, '/v1/account', overheard);
  lab.judge(res.status === 200 && res.json().owner === 'alice', `status ${res.status}`);
}

export function attack(lab) {
  const seen = [send(lab, '/v1/account', overheard), send(lab, '/v1/account', overheard), send(lab, '/v1/inbox', overheard), send(lab, '/v1/account', '', 'Bearer'), send(lab, '/v1/account', '')];
  lab.judge(seen.some((r) => r.status === 200), `status ${seen.map((r) => r.status)}`, { each: seen });
}
