// A transaction token is good on its transaction's path alone. Notification is at the end of it: it was handed a real token, with
// the very scope that payments asks for, and is no caller of payments.
import { charge } from '../lib/transaction.js';
import { honest } from '../lib/lateral.js';

export function benign(lab) { honest(lab); }
export function attack(lab) { charge(lab, lab.transaction); }
