// What a service that was taken over does with a real transaction token, which was handed to it while it served a request.
import { inside } from './inside.js';
import { key } from './forge.js';

// charge sets a credit of the transaction's principal aside, and gives it back.
export function charge(lab, token) {
  if (!token) throw new Error('no transaction token passed');
  const headers = [['Txn-Token', token]];
  const res = inside(lab, 'payments', { method: 'POST', path: '/v1/authorizations', headers: headers.concat([key()]), body: { amount: 1, reference: lab.phase } });
  if (res.status === 201) inside(lab, 'payments', { method: 'POST', path: `/v1/authorizations/${res.json().id}/void`, headers: headers.concat([key()]) });
  lab.judge(res.status === 201, `status ${res.status} ${res.errno || ''}`.trim(), { errno: res.errno });
}
