// What a service that was taken over does with a real transaction token, which was handed to it while it served a request.
import { inside } from './inside.js';
import { key } from './forge.js';

// charge sets a credit of the transaction's principal aside, and gives it back; so many times.
export function charge(lab, token, times = 1) {
  if (!token) throw new Error('no transaction token passed');
  const headers = [['Txn-Token', token]];
  const seen = Array.from({ length: times }, () => {
    const res = inside(lab, 'payments', { method: 'POST', path: '/v1/authorizations', headers: headers.concat([key()]), body: { amount: 1, reference: lab.phase } });
    if (res.status === 201) inside(lab, 'payments', { method: 'POST', path: `/v1/authorizations/${res.json().id}/void`, headers: headers.concat([key()]) });
    return res;
  });
  const last = seen[times - 1];
  lab.judge(seen.some((r) => r.status === 201), `status ${seen.map((r) => `${r.status} ${r.errno || ''}`.trim())}`, { errno: last.errno });
}
