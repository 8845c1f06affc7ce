// Broken object property level authorization (OWASP API3:2023): owner, charge, status, beside what a client may say, in the
// body, in the query, and in another content type.
import { stored } from '../lib/forge.js';

export function benign(lab) { stored(lab); }

const good = { title: 'Mine', text: 'The board agreed on Monday.' };
const extra = [{ owner: 'bob' }, { charge: 0 }, { id: '01900000-0000-7000-8000-000000000000' }, { status: 'charged' }, { created_at: '2020-01-01T00:00:00Z' }, { __proto__x: {} }, { constructor: { prototype: {} } }, { Owner: 'bob' }, { metadata: { owner: 1 } }];

export function attack(lab) {
  const post = (r) => lab.http(Object.assign({ method: 'POST', path: '/v1/documents', token: lab.tokens.alice }, r));
  const seen = extra.map((more) => post({ body: Object.assign({}, good, more) }));
  seen.push(post({ path: '/v1/documents?owner=bob', body: good }), post({ path: '/v1/documents?charge=0', body: good }));
  seen.push(post({ headers: [['Content-Type', 'application/x-www-form-urlencoded']], body: 'title=A&text=B&owner=bob' }), post({ headers: [['Content-Type', 'application/xml']], body: '<a/>' }));
  lab.judge(seen.some((r) => r.status === 201), `status ${seen.map((r) => r.status)}`);
}
