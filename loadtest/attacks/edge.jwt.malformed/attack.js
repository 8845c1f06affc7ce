// Each rule of RFC 7515, section 3 and 7, RFC 7519 and RFC 8725 that a token of bob's can break while its signature, or its
// absence, comes from one of alice's. None may be accepted, alice's own with something added neither.
import encoding from 'k6/encoding';
import { bobs, own } from '../lib/forge.js';
import { tokens, tries, told } from '../lib/corpus.js';

export function benign(lab) { own(lab); }

const url = (text) => encoding.b64encode(text, 'rawurl');

export function attack(lab) {
  const good = lab.tokens.alice;
  const [h, p, s] = good.split('.');
  const bob = url(JSON.stringify(bobs(lab)));
  const text = encoding.b64decode(h, 'rawurl', 's');
  const head = (change) => url(JSON.stringify(Object.assign(JSON.parse(text), change)));
  const forged = [
    `${h}.${bob}.${s}`, `${h}.${bob}.`, `${h}.${bob}`, `${h}.${bob}.${s}.${s}`, `${h}.${bob}.AAAA`, `.${bob}.${s}`, `${h}.${bob}.${s.slice(0, -8)}`,
    `${h}.${bob}.${s.split('').reverse().join('')}`, `${head({ alg: 'none' })}.${bob}.${s}`, `${head({ alg: '' })}.${bob}.${s}`, `${head({ alg: null })}.${bob}.${s}`,
    `${head({ alg: ['RS256'] })}.${bob}.${s}`, `${head({ alg: 'rs256' })}.${bob}.${s}`, `${head({ alg: 'RS1' })}.${bob}.${s}`, `${head({ alg: 'HS256' })}.${bob}.${s}`,
    `${head({ crit: ['b64'], b64: false })}.${bob}.${s}`, `${head({ crit: ['exp'] })}.${bob}.${s}`, `${head({ crit: [] })}.${bob}.${s}`, `${head({ zip: 'DEF' })}.${bob}.${s}`,
    `${head({ cty: 'JWT' })}.${bob}.${s}`, `${head({ typ: 'txntoken+jwt' })}.${bob}.${s}`, `${url('{}')}.${bob}.${s}`, `${url('[]')}.${bob}.${s}`, `${url('null')}.${bob}.${s}`,
    `${url(text.replace('{', '{"alg":"none",'))}.${bob}.${s}`, `${url(text.replace('}', ',"alg":"none"}'))}.${bob}.${s}`, `${url(text.toUpperCase())}.${bob}.${s}`,
    JSON.stringify({ protected: h, payload: bob, signature: s }), `${h}.${bob}.${s},${good}`, `${good},${h}.${bob}.${s}`, `${h}.${bob}.${s} ${good}`,
  ];
  const spoiled = [
    `${good}.`, `${good}.x`, `.${good}`, `${good}=`, `${h}=.${p}.${s}`, `${h}.${p}==.${s}`, `${h}.${p}.${s}A`, `${h}..${s}`, `${h}.${p}.${s.slice(0, -1)}`,
    `${h} .${p}.${s}`, `"${good}"`, `${good};`, good.replace('.', '%2e'), 'null', 'undefined', '{}', '..', '...', 'a.b.c', 'A'.repeat(9000),
  ];
  const cases = forged.concat(spoiled, tokens(good, JSON.stringify(bobs(lab))));
  told(lab, cases, tries(cases, 20000, (token) => lab.http({ path: '/v1/account', token })), (r) => r.status === 200);
}
