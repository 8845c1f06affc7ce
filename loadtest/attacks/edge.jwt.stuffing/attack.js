// Credential stuffing (OWASP API2:2023): what was taken from somebody else's service is tried here. The tokens are well formed, of
// an issuer that signs with keys of its own, and each names another account: the demo users' are among them.
import { claims } from '../lib/lab.js';
import { own } from '../lib/forge.js';

export function benign(lab) { own(lab); }

const accounts = ['alice', 'bob', 'carol', 'dave', 'erin', 'admin', 'root', 'test', 'support', 'frank', 'grace', 'heidi'];

export function attack(lab) {
  const key = lab.mesh.jwk({ type: 'RSA', kid: 'elsewhere' });
  const dump = accounts.map((username) => lab.mesh.jws({
    header: { alg: 'RS256', typ: 'JWT', kid: 'elsewhere' }, payload: Object.assign(claims(lab.tokens.alice), { username }), sign: 'RS256', key: key.private,
  }));
  const seen = dump.map((token) => lab.http({ path: '/v1/account', token }));
  lab.judge(seen.some((r) => r.status === 200), `${seen.length} accounts: status ${[...new Set(seen.map((r) => r.status))]}`, { each: seen });
}
