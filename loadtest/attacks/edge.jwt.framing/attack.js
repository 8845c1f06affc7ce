// OWASP API2:2023, turned on the response: forged tokens in bob's name, at what only staff may do, from the address that all of us share.
// Whoever believed them would shut bob out, or block the address; what the attacker wants is that bob isn't served any more.
import { own, bobs, unsigned, random } from '../lib/forge.js';

const shared = '127.0.0.1'; // from which everybody comes here

export function benign(lab) { own(lab, lab.tokens.alice); }

export function attack(lab) {
  const key = lab.mesh.jwk({ type: 'RSA', kid: random(4) });
  const payload = bobs(lab, { scope: 'account:read' });
  const forged = [unsigned(lab, payload), lab.mesh.jws({ header: { alg: 'RS256', kid: 'forged', typ: 'JWT' }, payload, sign: 'RS256', key: key.private })];
  const seen = [];
  for (let n = 0; n < 12; n++) {
    const token = forged[n % 2];
    seen.push(lab.http({ from: shared, method: 'PUT', path: '/v1/accounts/bob/state', token, body: { state: 'active' } }).status);
  }
  lab.mesh.sleep(4000); // what is to be raised and answered is by then
  const bob = lab.http({ from: shared, path: '/v1/account', token: lab.tokens.bob });
  lab.judge(bob.status !== 200, `forged: status ${[...new Set(seen)]}; bob: status ${bob.status}`);
}
