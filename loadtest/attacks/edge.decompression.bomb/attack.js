// CWE-409, and RFC 9110, section 15.5.16: who inspects sees one text, who unpacks another. Gained is that a body which says that
// it is packed becomes a document.
import encoding from 'k6/encoding';
import { stored } from '../lib/forge.js';

export function benign(lab) { stored(lab); }

// bomb is gzip: stored-block header of ten members of nothing but zeros.
const bomb = encoding.b64decode('H4sIAAAAAAAC/+3BMQEAAADCoPVPbQ0PoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA', 'std');

export function attack(lab) {
  const plain = JSON.stringify({ title: 'Packed', text: 'The board agreed on Monday.' });
  const post = (coding, body) => lab.http({ method: 'POST', path: '/v1/documents', token: lab.tokens.alice, headers: [['Content-Type', 'application/json'], ['Content-Encoding', coding]], body });
  const seen = ['gzip', 'br', 'deflate', 'zstd', 'x-gzip', 'GZIP', 'identity, gzip', 'gzip, gzip, gzip'].map((coding) => post(coding, plain));
  seen.push(post('gzip', bomb));
  lab.judge(seen.some((r) => r.status === 201), `status ${seen.map((r) => r.status)}`);
}
