// draft-ietf-httpapi-idempotency-key-header, sections 2.6 and 5: a key belongs to one client and one request. Sent again, that
// is answered with its first result and nothing more happens; another request with the key is refused.
import { key } from '../lib/forge.js';

const document = (token, k, text) => ({ method: 'POST', path: '/v1/documents', token, headers: [k], body: { title: 'Minutes', text } });
const text = 'The board agreed on Monday.';
const stored = (all) => new Set(all.filter((r) => r.status === 201).map((r) => r.json().id));

// The same contents twice, each with a key of its own: both are meant.
export function benign(lab) {
  const seen = lab.race([1, 2].map(() => document(lab.tokens.alice, key(), text)));
  lab.judge(stored(seen).size === 2, `status ${seen.map((r) => r.status)}`);
}

export function attack(lab) {
  const k = key();
  const again = lab.race([...Array(4)].map(() => document(lab.tokens.alice, k, text))); // the same, at once: one document
  const changed = lab.race([1, 2, 3, 4].map((n) => document(lab.tokens.alice, k, `${text} Item ${n}.`))); // another body
  const others = lab.http(document(lab.tokens.bob, k, text)); // somebody else's key
  const alices = stored(again.concat(changed));
  const bobs = stored([others]);
  const won = alices.size > 1 || stored(changed).size > 0 || [...bobs].some((id) => alices.has(id));
  lab.judge(won, `${alices.size} documents of one key; another body: status ${changed.map((r) => r.status)}`);
}
