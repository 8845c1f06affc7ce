// RFC 7523, section 3: a document is for one audience. One that Consul was shown mustn't open Vault.
import { login, own } from '../lib/vault.js';

export function benign(lab) { own(lab); }

export function attack(lab) {
  const res = login(lab, lab.service, 'consul.jwt');
  lab.judge(res.status === 200, `status ${res.status}`);
}
