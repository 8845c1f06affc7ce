// Broken object level authorization (OWASP API1:2023): alice has seen the IDs of a few documents of bob's somewhere.
function store(lab, user) {
  const res = lab.http({ method: 'POST', path: '/v1/documents', token: lab.tokens[user], body: { title: 'Private', text: 'The board agreed on Monday to sell the company.' } });
  if (res.status !== 201) throw new Error(`store a document: ${res.status} ${res.body}`);
  return res.json().id;
}

function read(lab, user, ids) {
  const seen = ids.map((id) => lab.http({ path: `/v1/documents/${id}`, token: lab.tokens[user] }));
  lab.judge(seen.some((r) => r.status === 200 && r.json().text.includes('sell the company')), `status ${seen.map((r) => r.status)}`);
}

export function benign(lab) { read(lab, 'bob', [store(lab, 'bob')]); }

export function attack(lab) {
  const [id, ...more] = [store(lab, 'bob'), store(lab, 'bob'), store(lab, 'bob')];
  read(lab, 'alice', [id, id.toUpperCase(), `${id}?owner=bob`, `${id}?owner=alice`, ...more]);
}
