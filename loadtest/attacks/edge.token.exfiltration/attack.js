// OWASP API6:2023: each request is one that alice may make. It is how many there are, and how much they bring, that isn't hers.
const text = 'The board agreed on Monday to publish the report. '.repeat(800); // 40 kB

export function benign(lab) {
  const seen = [0, 1, 2].map((n) => lab.http({ method: 'POST', path: '/v1/documents', token: lab.stolen.access_token, body: { title: `Report ${n}`, text } }));
  const read = lab.http({ path: `/v1/documents/${seen[0].json().id}`, token: lab.stolen.access_token });
  lab.judge(read.status === 200 && read.json().text === text, `status ${seen.map((r) => r.status)}, ${read.status}`);
}

export function attack(lab) {
  const token = lab.stolen.access_token;
  const ids = lab.http({ path: '/v1/documents?limit=20', token }).json().documents.map((d) => d.id).slice(0, 3);
  const seen = [...Array(48)].map((_, n) => lab.http({ path: `/v1/documents/${ids[n % ids.length]}`, token }));
  const bytes = seen.reduce((sum, r) => sum + (r.status === 200 ? r.body.length : 0), 0);
  lab.judge(bytes > 1 << 20, `${bytes} bytes in ${seen.length} answers: status ${[...new Set(seen.map((r) => r.status))]}`);
}
