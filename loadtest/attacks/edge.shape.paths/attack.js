// RFC 3986, section 6: equivalent spellings. A rule for one path is walked round by asking for it as another.
import { own } from '../lib/forge.js';

export function benign(lab) { own(lab); }

const paths = ['/v1//account', '//v1/account', '/v1/./account', '/v1/x/../account', '/v1/%61ccount', '/v1%2faccount', '/v1/account%00', '/v1/account;x=1', '/v1/account%20', '/v1/account%3fx', '/v1\\account',
  '/v1/documents/..%2faccount', '/v1/documents/%2e%2e/account', '/v1/documents/a%2fb', '/v1/documents/%c0%ae%c0%ae', '/v1/documents/%25%32%66'];

export function attack(lab) {
  const id = lab.http({ method: 'POST', path: '/v1/documents', token: lab.tokens.alice, body: { title: 'Spelled', text: 'The board agreed on Monday.' } }).json().id;
  const spelled = [`/v1/documents/%${id.charCodeAt(0).toString(16)}${id.slice(1)}`, `/v1/documents/${id}%3f`, `/v1//documents/${id}`].concat(paths);
  const seen = spelled.map((path) => lab.http({ path, token: lab.tokens.alice }));
  lab.judge(seen.some((r) => r.status === 200), `${seen.length} spellings: status ${[...new Set(seen.map((r) => r.status))]}`);
}
