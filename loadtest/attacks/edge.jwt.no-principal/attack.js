// RFC 9068, section 2.2: without the claim that names the principal, another one must not stand in for it.
import { bobs, own, asBob, unsigned } from '../lib/forge.js';

export function benign(lab) { own(lab); }

export function attack(lab) { asBob(lab, [unsigned(lab, bobs(lab, { username: undefined, sub: 'bob' }))]); }
