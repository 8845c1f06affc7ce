// RFC 8259 and RFC 7493 (I-JSON), in the manner of JSONTestSuite: texts that some parsers take, others refuse, and no two
// read alike. Gained is that one of them becomes a document.
import { stored } from '../lib/forge.js';
import { texts, tries, told } from '../lib/corpus.js';

export function benign(lab) { stored(lab); }

const good = '"title":"Ambiguous","text":"The board agreed on Monday."';
const bodies = [
  `{${good},"title":"Another"}`, `{${good},"Title":"Another"}`, `{${good},"text":"Another one.","text":"A third one."}`, `{${good},"metadata":{"a":"1","a":"2"}}`, `{${good},"metadata":{"a\\u0000b":"1"}}`,
  `{${good},}`, `{,${good}}`, `{${good}} {}`, `{${good}}x`, `[{${good}}]`, `{${good}`, `{${good}}}`, `\ufeff{${good}}`, `{'title':'Ambiguous','text':'x'}`, `{title:"Ambiguous",text:"x"}`, `{${good}/*x*/}`, `{${good}//x\n}`,
  `{"title":"A\tB","text":"x"}`, `{"title":"A\\uD800","text":"x"}`, `{"title":"\\uDC00\\uD800","text":"x"}`, `{"title":"\\x41","text":"x"}`, `{"title":"A\u0000B","text":"x"}`, `{"title":1,"text":"x"}`, `{"title":null,"text":"x"}`,
  `{"title":["A"],"text":"x"}`, `{"title":{"a":1},"text":"x"}`, `{"title":NaN,"text":"x"}`, `{"title":01,"text":"x"}`, `{"title":1e999,"text":"x"}`, `{"title":"A","text":"x","charge":-1}`, `{"title":"A","text":"x","charge":1E400}`,
  `{${good},"metadata":${'['.repeat(400)}${']'.repeat(400)}}`, `{${good},"metadata":${'{"a":'.repeat(400)}1${'}'.repeat(400)}}`, 'null', 'true', '""', '0', '', ' ', '{}', '{"":""}',
];

export function attack(lab) {
  const cases = bodies.concat(texts());
  const post = (body) => lab.http({ method: 'POST', path: '/v1/documents', token: lab.tokens.alice, headers: [['Content-Type', 'application/json']], body });
  told(lab, cases, tries(cases, 20000, post), (r) => r.status === 201);
}
