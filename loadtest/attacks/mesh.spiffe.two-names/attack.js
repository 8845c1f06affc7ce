// X.509-SVID, section 2: exactly one URI. Of two, a careless reader takes the one that he likes, another the other.
import { domain, weights, alive } from '../lib/mesh.js';

export function benign(lab) { alive(lab); }

export function attack(lab) {
  const at = `spiffe://${domain(lab, 'modelstore')}/ns/default/dc/dc1/svc`;
  const pair = lab.mesh.x509({ uris: [`${at}/inference`, `${at}/notification`] });
  const seen = weights(lab, { insecure: true, cert: pair.cert, key: pair.key });
  lab.judge(seen.gained, `${seen.status || seen.errno}`);
}
