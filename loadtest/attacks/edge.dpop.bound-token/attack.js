// RFC 9449, section 7: a stolen token that is bound to a key (cnf.jkt) is of no use without a proof of that key. Where nobody
// looked at its signature, the missing proof would still stop it.
import { bobs, own, asBob, unsigned } from '../lib/forge.js';

export function benign(lab) { own(lab); }
export function attack(lab) { asBob(lab, [unsigned(lab, bobs(lab, { cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } }))]); }
