// SPIFFE ID, section 2.1: the same path in another trust domain is somebody else. Where its signer weren't asked for, the
// trust domain would.
import { weights, alive } from '../lib/mesh.js';

export function benign(lab) { alive(lab); }

export function attack(lab) {
  const pair = lab.mesh.x509({ uris: ['spiffe://22222222-3333-4444-5555-666666666666.consul/ns/default/dc/dc1/svc/inference'] });
  const seen = weights(lab, { insecure: true, cert: pair.cert, key: pair.key });
  lab.judge(seen.gained, `${seen.status || seen.errno}`);
}
