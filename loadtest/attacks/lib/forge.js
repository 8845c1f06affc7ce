// Tokens that an attacker makes, and what he tries with them.
import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import { claims } from './lab.js';

// bobs is the payload of alice's token with bob's name. Issuer, audience and times are no secret.
export function bobs(lab, change) {
  return Object.assign(claims(lab.tokens ? lab.tokens.alice : lab.stolen.access_token), { username: 'bob' }, change);
}

// unsigned is a token that nobody signed.
export function unsigned(lab, payload) { return lab.mesh.jws({ header: { alg: 'none', typ: 'JWT' }, payload }); }

// own is the honest twin of whatever is done with a forged token: the account of a token's owner.
export function own(lab, token) {
  const res = lab.http({ path: '/v1/account', token: token || lab.tokens.alice });
  lab.judge(res.status === 200 && res.json().owner === 'alice', `status ${res.status}`);
}

// stored is the honest twin of whoever sends a document: one that is as it should be.
export function stored(lab, more) {
  const res = lab.http(Object.assign({ method: 'POST', path: '/v1/documents', token: lab.tokens.alice, body: { title: 'Minutes', text: 'The board agreed on Monday.' } }, more));
  lab.judge(res.status === 201, `status ${res.status}`);
}

// asBob asks for bob's account with each of the tokens. It is gained when one of them is believed.
export function asBob(lab, tokens) {
  const seen = tokens.map((token) => lab.http({ path: '/v1/account', token }));
  const won = seen.findIndex((r) => r.status === 200);
  lab.judge(won >= 0, won >= 0 ? `token ${won + 1} of ${tokens.length}: ${tokens[won].slice(0, 60)}...` : `${tokens.length} tokens: status ${[...new Set(seen.map((r) => r.status))]}`);
}

// transaction is a transaction token as the gateway writes it, signed with a key of the attacker's. change replaces claims.
export function transaction(lab, domain, change, header, signature) {
  const now = Math.floor(Date.now() / 1000);
  const payload = Object.assign({
    iss: `spiffe://${domain}`, aud: domain, txn: `txn-${now}`, sub: 'bob', scope: 'documents:write', req_wl: `spiffe://${domain}/ns/default/dc/dc1/svc/gateway`,
    tctx: { entry: 'POST /v1/documents' }, iat: now, exp: now + 15,
  }, change);
  const key = lab.mesh.jwk({ type: 'OKP', kid: 'forged' });
  return lab.mesh.jws(Object.assign({ header: Object.assign({ alg: 'EdDSA', kid: 'forged', typ: 'txntoken+jwt' }, header), payload, sign: 'EdDSA', key: key.private }, signature));
}

// key is one for a request that may be made once.
export function key() { return ['Idempotency-Key', `attack-${random(12)}`]; }

export function random(bytes) {
  return [...new Uint8Array(crypto.randomBytes(bytes))].map((b) => b.toString(16).padStart(2, '0')).join('');
}

// webhook signs as the Standard Webhooks specification says.
export function webhook(secret, body, change) {
  const w = Object.assign({ id: `msg_${random(8)}`, at: Math.floor(Date.now() / 1000), body }, change);
  const raw = encoding.b64decode(secret.replace(/^whsec_/, ''), 'std');
  const mac = crypto.hmac('sha256', raw, `${w.id}.${w.at}.${w.body}`, 'base64');
  return [['Webhook-Id', w.id], ['Webhook-Timestamp', `${w.at}`], ['Webhook-Signature', `v1,${mac}`], ['Content-Type', 'application/json']];
}

// source is a system that may deliver webhooks to carol, as she registers it.
export function source(lab) {
  const name = `attack-${random(6)}`;
  const res = lab.mesh.http(lab.request({ method: 'POST', path: '/v1/webhook-sources', token: lab.tokens.carol, body: { name } }));
  if (res.status !== 201) throw new Error(`register a webhook source: ${res.status} ${res.body}`);
  return { name, secret: JSON.parse(res.body).secret, path: `/v1/webhooks/${name}` };
}

// delivered tells how often a webhook's text is in carol's inbox.
export function delivered(lab, source, text) {
  const res = lab.mesh.http(lab.request({ path: '/v1/inbox?limit=50', token: lab.tokens.carol }));
  return JSON.parse(res.body).messages.filter((m) => m.kind === `webhook.${source.name}` && m.subject === text).length;
}

// flood sends requests back to back over a few kept connections, as bytes, and counts the answers. of(n) is the n-th
// request's {path, headers}.
export function flood(lab, connections, each, of) {
  const open = [...Array(connections)].map(() => lab.mesh.dial({ address: lab.edge.address, from: lab.from, tls: { ca: lab.ca, serverName: lab.edge.name }, timeout: 10000 }));
  open.forEach((c, k) => {
    if (c.error) throw new Error(c.error);
    const bytes = [...Array(each)].map((_, n) => {
      const { path, headers } = of(k * each + n);
      const last = n === each - 1 ? 'Connection: close\r\n' : '';
      return `GET ${path} HTTP/1.1\r\nHost: ${lab.edge.address}\r\n${(headers || []).map(([name, value]) => `${name}: ${value}\r\n`).join('')}${last}\r\n`;
    });
    c.write(bytes.join(''));
  });
  const text = open.map((c) => c.readAll()).join('');
  open.forEach((c) => c.close());
  const status = {};
  for (const m of text.matchAll(/HTTP\/1\.1 (\d{3}) /g)) status[m[1]] = (status[m[1]] || 0) + 1;
  const answered = Object.values(status).reduce((a, b) => a + b, 0);
  return { status, answered, refused: status['429'] || 0, request_ids: [...text.matchAll(/X-Request-Id: (\S+)/gi)].map((m) => m[1]) };
}
