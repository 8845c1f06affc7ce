// RFC 7523: modelstore serves what the publishing job has signed. It asks Vault for that job's right to sign.
import { login, as, own } from '../lib/vault.js';

export function benign(lab) { own(lab); }

export function attack(lab) {
  const res = login(lab, 'modelstore-publish');
  if (res.status !== 200) { lab.judge(false, `status ${res.status}`); return; }
  const signed = as(lab, res, { method: 'POST', path: '/v1/transit/sign/modelstore', body: '{"input":"YQ=="}' });
  lab.judge(signed.status === 200, `status ${signed.status}`);
}
