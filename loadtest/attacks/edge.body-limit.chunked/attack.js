// RFC 9112, section 7.1: chunks announce no length, so a limit that looks at Content-Length alone never sees it coming.
import { own } from '../lib/forge.js';

export function benign(lab) { own(lab); }

export function attack(lab) {
  const size = 4 << 20;
  const body = `${size.toString(16)}\r\n${'a'.repeat(size)}\r\n0\r\n\r\n`;
  const send = () => lab.http({ path: '/v1/account', token: lab.tokens.alice, timeout: 10000, headers: [['Transfer-Encoding', 'chunked'], ['Content-Type', 'multipart/form-data; boundary=x']], body });
  const seen = [send(), send(), send()];
  lab.judge(seen.some((r) => r.status === 200), `status ${seen.map((r) => `${r.status} ${r.errno}`)}`);
}
