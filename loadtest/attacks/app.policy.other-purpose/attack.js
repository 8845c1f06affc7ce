// draft-ietf-oauth-transaction-tokens, scope and context: alice only lists her documents. Ingestion, taken over, may charge her at
// payments, and holds a real token of hers; but this transaction's path and scope don't lead there.
import { charge } from '../lib/transaction.js';
import { honest } from '../lib/lateral.js';

export function benign(lab) { honest(lab); }
export function attack(lab) { charge(lab, lab.transaction); }
