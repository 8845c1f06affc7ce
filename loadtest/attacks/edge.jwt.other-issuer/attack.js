// RFC 9068, section 4: a token of an issuer that nobody here trusts. Where its signature weren't looked at, its issuer would.
import { bobs, own, asBob, unsigned } from '../lib/forge.js';

export function benign(lab) { own(lab); }

export function attack(lab) { asBob(lab, [unsigned(lab, bobs(lab, { iss: 'https://issuer.invalid' }))]); }
