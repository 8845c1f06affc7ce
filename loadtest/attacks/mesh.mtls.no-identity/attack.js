// RFC 8446 and X.509-SVID, section 5: plaintext, TLS without a certificate, an old TLS, and certificates of the attacker's own
// making that name inference, who may have the weights.
import { claimed } from '../lib/inside.js';
import { domain, weights, alive } from '../lib/mesh.js';

export function benign(lab) { alive(lab); }

export function attack(lab) {
  const uris = [`spiffe://${domain(lab, 'modelstore')}/ns/default/dc/dc1/svc/inference`];
  const own = lab.mesh.x509({ uris });
  const ca = lab.mesh.x509({ commonName: 'Consul CA', isCA: true });
  const chained = lab.mesh.x509({ uris, issuerCert: ca.cert, issuerKey: ca.key });
  const as = (pair, more) => Object.assign({ insecure: true, cert: pair.cert, key: pair.key }, more);
  const seen = [
    weights(lab, undefined), weights(lab, { insecure: true }), weights(lab, as(own, { maxVersion: '1.2' })), weights(lab, as(own)), weights(lab, as(chained)),
    weights(lab, as(lab.mesh.x509({ uris, notBefore: -7200, notAfter: -3600 }))), weights(lab, as(lab.mesh.x509({ uris, isCA: true }))),
    weights(lab, undefined, { prefix: claimed(lab, uris[0]) }),
  ];
  lab.judge(seen.some((s) => s.gained), `${seen.map((s) => s.status || s.errno)}`);
}
