// RFC 8725, section 3.10: kid is used to look something up, so it is made to look up what the attacker knows.
import { bobs, own, asBob } from '../lib/forge.js';

export function benign(lab) { own(lab); }

const kids = [
  ['../../../../../../dev/null', ''], ['/dev/null', ''], ['/proc/sys/kernel/randomize_va_space', '2\n'], ["' UNION SELECT 'known", 'known'], ["x' OR '1'='1", 'known'],
  ['$(sleep 1)', 'known'], ['`id`', 'known'], ['key\u0000', 'known'], ['', ''], ['http://127.0.0.1:1/key', 'known'], ['{{7*7}}', '49'], ['../secret', 'secret'],
];

export function attack(lab) {
  asBob(lab, kids.map(([kid, secret]) => lab.mesh.jws({ header: { alg: 'HS256', typ: 'JWT', kid }, payload: bobs(lab), sign: 'HS256', key: secret })));
}
