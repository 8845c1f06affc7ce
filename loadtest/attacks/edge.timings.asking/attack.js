// How long a token's check or a look-up took says what it found. Alice asks for it in every way that there is.
const told = (res) => res.trailers['server-timing'] || res.headers['server-timing'];

export function benign(lab) { // who measures has the scope
  const res = lab.http({ path: '/v1/account', token: lab.tokens.erin });
  lab.judge(res.status === 200 && /payments GET \/v1\/account/.test(told(res) || ''), `status ${res.status}, ${told(res)}`);
}

export function attack(lab) {
  const headers = [['Prefer', 'server-timing'], ['TE', 'trailers'], ['Server-Timing', 'hop;dur=1;desc="gateway GET /v1/account";in=0']];
  const res = lab.http({ path: '/v1/account', token: lab.tokens.alice, headers });
  lab.judge(res.status === 200 && !!told(res), `status ${res.status}, ${told(res) || 'no timings'}`);
}
