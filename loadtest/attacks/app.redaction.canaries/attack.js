// CWE-532 and CWE-209: a token in the wrong place (a path, a query, a field's name, a method) is the everyday way in which one
// gets into a log. The lab looks for each canary in all logs; here are the answers to look into.
import encoding from 'k6/encoding';
import { random, own } from '../lib/forge.js';

export function benign(lab) { own(lab); }

// canaries look like what they stand for, and open nothing. A trace's ID isn't one: it is there to be logged (W3C Trace Context).
const jwt = () => `eyJ${random(12)}.${encoding.b64encode(`{"sub":"${random(8)}"}`, 'rawurl')}.${random(32)}`;

export function attack(lab) {
  const sent = [];
  const canary = (made) => { sent.push(made); return made; };
  const as = lab.tokens.alice;
  const json = [['Content-Type', 'application/json']];
  const post = (body, more) => Object.assign({ method: 'POST', path: '/v1/documents', token: as, headers: json, body }, more);
  const requests = [
    { method: canary(jwt()), path: '/v1/account', token: as },
    { path: `/v1/documents/${canary(jwt())}`, token: as }, { path: `/v1/${canary(jwt())}`, token: as }, { path: `/v1/account?access_token=${canary(jwt())}`, token: as },
    { path: `/v1/documents?${canary(jwt())}=1`, token: as }, { path: `/v1/documents?cursor=${canary(jwt())}`, token: as }, { path: '/v1/account', token: canary(jwt()) },
    { path: '/v1/account', headers: [['Authorization', `Basic ${canary(random(24))}`]] }, { path: '/v1/account', token: as, headers: [['X-Api-Key', canary(jwt())], ['Cookie', `session=${canary(jwt())}`]] },
    { path: '/v1/account', token: as, headers: [[canary(jwt()), 'a']] }, { path: '/v1/account', token: as, headers: [['X-Request-Id', canary(random(20))]] },
    { path: '/v1/account', token: as, headers: [['Txn-Token', canary(jwt())], ['DPoP', canary(jwt())], ['Origin', `https://${canary(random(12))}.example`]] },
    post(`{"title":"A","text":"x","${canary(jwt())}":1}`), post(`{"title":"${canary(jwt())}","text":1}`), post(`{"title":"A","text":"x","metadata":{"${canary(jwt())}":"${canary(jwt())}\u0000"}}`),
    post(`{"title":"A","text":"${canary(jwt())}`), post('{}', { headers: [['Content-Type', `application/${canary(random(12))}`]] }), post('{"title":"A","text":"x"}', { headers: json.concat([['Idempotency-Key', `${canary(jwt())} `.repeat(9)]]) }),
    { method: 'POST', path: '/v1/webhook-endpoints', token: as, body: { url: `http://alice:${canary(jwt())}@10.0.0.1/?key=${canary(jwt())}`, events: ['*'] } },
    { method: 'POST', path: `/v1/webhooks/${canary(random(12))}`, headers: json.concat([['Webhook-Id', 'msg_1'], ['Webhook-Timestamp', '1'], ['Webhook-Signature', `v1,${canary(random(24))}`]]), body: `{"secret":"${canary(jwt())}"}` },
    { method: 'POST', path: `/v1/transfers/${canary(jwt())}/refund`, token: lab.tokens.carol }, { method: 'PUT', path: `/v1/accounts/${canary(jwt())}/state`, token: lab.tokens.carol, body: { state: 'lost' } },
    { method: 'POST', path: '/v1/inferences', token: as, body: { model: canary(jwt()), input: 'x' } },
    { raw: `GET /v1/account HTTP/1.1\r\nHost: ${lab.edge.address}\r\n${canary(jwt())}\r\n\r\n`, timeout: 3000 },
  ];
  const seen = requests.map((r) => lab.http(r));
  // What came back to somebody else's eyes, a proxy's or a page's, must not hold what was sent, either.
  const told = sent.filter((c) => seen.some((r) => `${JSON.stringify(r.headers)}${r.body}`.includes(c)));
  lab.judge(told.length > 0, told.length ? `an answer repeats ${told.length} of ${sent.length} canaries` : `${sent.length} canaries in ${seen.length} requests`, { canaries: sent });
}
