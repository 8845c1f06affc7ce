// RFC 7519, section 4.1.4: a token whose time is over.
import { bobs, own, asBob, unsigned } from '../lib/forge.js';

export function benign(lab) { own(lab); }

export function attack(lab) { asBob(lab, [unsigned(lab, bobs(lab, { iat: 1700000000, nbf: 1700000000, exp: 1700003600 }))]); }
