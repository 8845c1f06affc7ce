// draft-ietf-oauth-transaction-tokens: inference, taken over, keeps a transaction of alice's that passed it, and charges her with
// it again once it is over. Everything about the token is real; only its time has gone.
import { charge } from '../lib/transaction.js';
import { claims } from '../lib/lab.js';

export function benign(lab) { charge(lab, lab.transaction); }

export function attack(lab) {
  const left = claims(lab.transaction).exp * 1000 - Date.now();
  if (left > 0) lab.mesh.sleep(left + 500);
  charge(lab, lab.transaction, 3);
}
