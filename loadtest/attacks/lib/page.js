// The lab's page, as a browser asks for it.
import { parsed } from './lab.js';

// ask makes a request at the page.
export function ask(lab, r) {
  return parsed(lab.note(lab.mesh.http(Object.assign({ address: lab.page.address, from: lab.from, timeout: 15000 }, r))));
}

// enter opens the page by a link, and returns what a browser has afterwards: a cookie, and the token of the page.
export function enter(lab, link) {
  const opened = ask(lab, { path: link });
  const cookie = (opened.headers['set-cookie'] || '').split(';')[0];
  const page = ask(lab, { path: '/', headers: [['Cookie', cookie], ['Sec-Fetch-Site', 'same-origin']] });
  const token = /name="csrf" content="([^"]*)"/.exec(page.body);
  return { status: opened.status, entered: page.status === 200 && token !== null, cookie, csrf: token ? token[1] : '' };
}

// order has the page itself do what a button of its does.
export function order(lab, session, verb, parameters) {
  return ask(lab, { method: 'POST', path: `/api/${verb}`, body: JSON.stringify(parameters), headers: [['Cookie', session.cookie], ['X-Redoubt-Csrf', session.csrf],
    ['Content-Type', 'application/json'], ['Origin', `http://${lab.page.address}`], ['Sec-Fetch-Site', 'same-origin']] });
}

// operator is the honest twin of whoever attacks the page: its operator opens it, and sends a request by it.
export function operator(lab) {
  const session = enter(lab, lab.page.link);
  const sent = session.entered ? order(lab, session, 'trace', { method: 'GET', path: '/v1/account', body: '' }) : session;
  const answer = sent.json ? sent.json() : null;
  lab.judge(answer !== null && answer.code === 0, `opened ${session.status}, sent ${sent.status} ${answer && answer.error ? answer.error : ''}`);
}
